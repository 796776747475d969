package backend

import (
	"strings"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// maxReason bounds the sentence of an entry.
const maxReason = 500

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
		entry.Code, entry.Reason = string(e.denial.Code), e.denial.Reason
		if e.denial.Code == ramp.ScopeNotGranted || e.denial.Code == ramp.GenerationRetired {
			entry.Reason = "" // it quotes what the caller sent: by mistake, that may be a secret
		}
	case kindRoleDeploy:
		entry.Type, entry.Action = ledger.Deploy, ""
	}
	if e.jti != "" {
		entry.JTI, entry.Serial, entry.Scopes, entry.Expires = e.jti, &e.serial, e.scopes, e.expiry.Unix()
	}
	if len(entry.Reason) > maxReason {
		entry.Reason = strings.ToValidUTF8(entry.Reason[:maxReason], "") + "…"
	}
	return entry
}
