package ramp

import (
	"fmt"
	"strings"
	"time"
)

// check is one question. holds answers it on every decision and must be cheap;
// says describes inputs and answer, and is asked only to deny or explain.
type check struct {
	code  Code
	fault bool // a denial counts against the caller's progress
	holds func(*input) bool
	says  func(*input) string
}

// checks are made in this order: what stops everybody first, then who asks,
// then what is asked for.
var checks = [...]check{
	{ServiceSuspended, false, func(in *input) bool { return !in.st.ServiceSuspended }, sayService},
	{ContractSuspended, false, func(in *input) bool { return !in.st.ContractSuspended }, sayContract},
	{ConsentMissing, false, (*input).consented, sayConsent},
	{ContractNotStarted, false, func(in *input) bool { return !in.f.Now.Before(in.c.NotBefore) }, sayNotBefore},
	{ContractExpired, false, func(in *input) bool { return in.c.ExpiresAt.IsZero() || in.f.Now.Before(in.c.ExpiresAt) }, sayExpires},
	{CallerUnknown, false, func(in *input) bool { return in.f.Caller != nil }, sayCaller},
	{CallerDisabled, false, func(in *input) bool { return in.f.Caller != nil && !in.f.Caller.Disabled }, sayDisabled},
	{CallerSuspended, false, func(in *input) bool { return !in.st.CallerSuspended }, saySuspended},
	{CredentialRevoked, false, func(in *input) bool { return in.f.Phase != PhaseRenew || !in.f.Held.Dead && in.ttl > 0 }, sayHeld},
	{CallerNotBound, false, func(in *input) bool { return in.unbound() == "" }, sayBindings},
	{SourceAddress, true, (*input).addressAllowed, sayAddress},
	{GenerationRetired, true, (*input).generationLive, sayGeneration},
	{ConditionFalse, true, func(in *input) bool { return in.failed() == nil }, sayCondition},
	{ProofRequired, true, (*input).proven, sayProof},
	{ScopeNotGranted, true, func(in *input) bool { return len(in.scopes) > 0 && len(in.scopes.Missing(in.offered)) == 0 }, sayScopes},
	{LimitActive, true, (*input).belowLimit, sayLimit},
}

func (in *input) consented() bool {
	return in.svc.Consent != ConsentRequired || in.st.Consent == in.c.revision
}

// generationLive: a credential from before the first deploy has no generation,
// and the floor that the deploy has set ends it.
func (in *input) generationLive() bool {
	return in.generationOK && (in.f.Phase == PhaseRenew || in.ttl > 0)
}

// limit is how many live credentials the caller may have, 0 for any number.
func (in *input) limit() uint64 {
	limit := in.c.MaxActive
	if in.stage != nil && in.stage.MaxActive > 0 && (limit == 0 || in.stage.MaxActive < limit) {
		limit = in.stage.MaxActive
	}
	return limit
}

func (in *input) belowLimit() bool {
	return in.f.Phase == PhaseRenew || in.limit() == 0 || in.st.Active < in.limit()
}

func (in *input) addressAllowed() bool {
	if len(in.c.cidrs) == 0 {
		return true
	}
	addr := in.f.RemoteAddr.Unmap().WithZone("")
	for _, p := range in.c.cidrs {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

func (in *input) proof() string {
	if in.f.Phase == PhaseRenew {
		return in.f.Held.Proof
	}
	return in.f.Request.Proof
}

func (in *input) proven() bool {
	return in.svc.Proof == ProofNone || in.proof() == in.svc.Proof
}

func sayService(in *input) string {
	return fmt.Sprintf("service %q is %s", in.svc.Name, suspendedOr(in.st.ServiceSuspended, "not suspended"))
}

func sayContract(in *input) string {
	return fmt.Sprintf("contract %q is %s", in.c.Name, suspendedOr(in.st.ContractSuspended, "not suspended"))
}

func sayConsent(in *input) string {
	switch {
	case in.svc.Consent != ConsentRequired:
		return fmt.Sprintf("service %q asks for no consent", in.svc.Name)
	case in.consented():
		return fmt.Sprintf("service %q has accepted revision %.12s", in.svc.Name, in.c.revision)
	case in.st.Consent != "":
		return fmt.Sprintf("service %q has accepted another revision of contract %q, not %.12s; its team has to accept this one", in.svc.Name, in.c.Name, in.c.revision)
	}
	return fmt.Sprintf("service %q has not accepted contract %q (revision %.12s); its team has to", in.svc.Name, in.c.Name, in.c.revision)
}

func sayGeneration(in *input) string {
	if len(in.st.Generations) == 0 {
		return "nothing was deployed under the contract"
	}
	presented := in.f.Request.Generation
	if in.f.Phase == PhaseRenew {
		presented = in.f.Held.Generation
	}
	if !in.generationOK || in.ttl <= 0 {
		return fmt.Sprintf("generation %q is not live, the current one is %q", presented, in.st.Generations.Current())
	}
	return fmt.Sprintf("generation %q is live", in.generation.Name)
}

func sayLimit(in *input) string {
	if in.limit() == 0 {
		return "the contract does not limit live credentials"
	}
	return fmt.Sprintf("the caller has %d live credentials, the limit is %d", in.st.Active, in.limit())
}

func sayNotBefore(in *input) string {
	if in.c.NotBefore.IsZero() {
		return "the contract has no not_before"
	}
	return fmt.Sprintf("contract %q starts at %s, it is %s", in.c.Name, stamp(in.c.NotBefore), stamp(in.f.Now))
}

func sayExpires(in *input) string {
	if in.c.ExpiresAt.IsZero() {
		return "the contract has no expires_at"
	}
	return fmt.Sprintf("contract %q ends at %s, it is %s", in.c.Name, stamp(in.c.ExpiresAt), stamp(in.f.Now))
}

func sayHeld(in *input) string {
	switch {
	case in.f.Phase != PhaseRenew:
		return "a new credential is asked for"
	case in.f.Held.Dead:
		return "this credential was revoked; read a new one"
	case in.ttl <= 0:
		return fmt.Sprintf("this credential ended at %s; read a new one", stamp(in.expiry))
	}
	return "the credential is alive"
}

func sayCaller(in *input) string {
	if in.f.Caller == nil {
		return "the token has no Vault entity (root tokens and tokens made without a login have none); log in through an auth method"
	}
	return fmt.Sprintf("the caller is entity %q (%s)", in.f.Caller.Name, in.f.Caller.ID)
}

func sayDisabled(in *input) string {
	if in.f.Caller == nil {
		return "there is no entity to look at"
	}
	if in.f.Caller.Disabled {
		return fmt.Sprintf("entity %q is disabled or gone", in.f.Caller.Name)
	}
	return fmt.Sprintf("entity %q is enabled", in.f.Caller.Name)
}

func saySuspended(in *input) string {
	return "the caller is " + suspendedOr(in.st.CallerSuspended, "not suspended")
}

func sayBindings(in *input) string {
	if why := in.unbound(); why != "" {
		return why
	}
	return fmt.Sprintf("the caller meets the bindings of contract %q", in.c.Name)
}

func sayAddress(in *input) string {
	if len(in.c.cidrs) == 0 {
		return "the contract does not bind addresses"
	}
	addr := "an unknown address"
	if in.f.RemoteAddr.IsValid() {
		addr = in.f.RemoteAddr.String()
	}
	return fmt.Sprintf("the request comes from %s; bound_cidrs: %s", addr, strings.Join(in.c.BoundCIDRs, ", "))
}

func sayProof(in *input) string {
	field := map[string]string{ProofDPoP: "dpop_jkt or public_key", ProofMTLS: "a public_key that is a certificate"}[in.svc.Proof]
	switch {
	case in.svc.Proof == ProofNone:
		return "the service asks for no proof of possession"
	case in.proven():
		return fmt.Sprintf("the credential is bound to a key (%s)", in.svc.Proof)
	}
	return fmt.Sprintf("service %q asks for proof of possession (%s): send %s with the request", in.svc.Name, in.svc.Proof, field)
}

func sayScopes(in *input) string {
	if len(in.scopes) == 0 {
		return fmt.Sprintf("contract %q and service %q have no scope in common", in.c.Name, in.svc.Name)
	}
	if missing := in.scopes.Missing(in.offered); missing != nil {
		return fmt.Sprintf("scope %q is not granted; contract %q grants%s: %s", missing[0], in.c.Name, in.nowGrants(), in.offered)
	}
	return fmt.Sprintf("scopes %s are granted", in.scopes)
}

func suspendedOr(suspended bool, otherwise string) string {
	if suspended {
		return "suspended"
	}
	return otherwise
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (in *input) nowGrants() string {
	switch {
	case in.inOffRamp():
		return " on its off-ramp"
	case in.stage != nil:
		return fmt.Sprintf(" at stage %q", in.stage.Name)
	}
	return ""
}
