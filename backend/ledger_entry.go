package backend

import (
	"strings"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// What bounds an entry, in bytes: a bundle of them is one value of Vault's storage.
const (
	maxReason = 500
	maxScopes = 1000
)

// entry is an event as the ledger has it.
func (e *event) entry() ledger.Entry {
	kind, action, _ := strings.Cut(string(e.kind), ".")
	entry := ledger.Entry{
		Time: e.at, Type: kind, Action: action,
		Contract: e.contract, ContractID: e.contractID, Revision: e.revision, Service: e.service, Caller: e.caller,
		Name: e.key, KeyID: e.keyID, From: e.from, Stage: e.stage, Generation: e.generation,
		RequestID: e.requestID, Actor: e.by, Reason: e.detail,
	}
	switch e.kind {
	case kindDeny:
		entry.Type, entry.Action = ledger.Denial, ledger.Issue
		if e.phase == ramp.PhaseRenew {
			entry.Action = ledger.Renew
		}
		entry.Code = string(e.denial.Code)
		entry.Reason = unquoted(e.denial)
	case kindRoleDeploy:
		entry.Type, entry.Action = ledger.Deploy, ""
	}
	if e.jti != "" {
		entry.JTI, entry.Serial, entry.Scopes, entry.Expires = e.jti, &e.serial, firstScopes(e.scopes), e.expiry.Unix()
	}
	if len(entry.Reason) > maxReason {
		entry.Reason = strings.ToValidUTF8(entry.Reason[:maxReason], "") + "…"
	}
	return entry
}

// unquoted is the reason of a denial without what the caller sent: by mistake, that
// may be a secret.
func unquoted(d *ramp.Denial) string {
	switch d.Code {
	case ramp.ScopeNotGranted, ramp.GenerationRetired:
		return ""
	case ramp.ConditionError:
		const decided = "cannot be decided"
		before, _, _ := strings.Cut(d.Reason, decided+": ")
		return before + decided
	}
	return d.Reason
}

// firstScopes are as many scopes as an entry has room for, and … for the rest.
func firstScopes(scopes string) string {
	if len(scopes) <= maxScopes {
		return scopes
	}
	return scopes[:strings.LastIndexByte(scopes[:maxScopes], ' ')+1] + "…"
}
