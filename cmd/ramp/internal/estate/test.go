package estate

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// TestTerms is a question to a contract and the answer that is expected.
type TestTerms struct {
	Contract      string            `json:"contract" doc:"Name of the contract that is asked. Required."`
	Caller        *CallerTerms      `json:"caller" doc:"Who asks. Default: nobody with an entity."`
	Time          time.Time         `json:"time" doc:"RFC 3339 time at which it asks. Default: now."`
	RemoteAddress string            `json:"remote_address" doc:"Address it asks from."`
	Scopes        ramp.Scopes       `json:"scopes" doc:"Scopes it asks for. Default: everything the contract grants."`
	TTL           ramp.Seconds      `json:"ttl" doc:"Life of the lease it asks for."`
	Generation    string            `json:"generation" doc:"Deploy it says it belongs to."`
	Proof         string            `json:"proof" doc:"Proof of possession it brings: dpop or mtls."`
	Context       map[string]string `json:"context" doc:"What it declares, for conditions."`
	Given         *Given            `json:"given" doc:"What happened before: an object of stage, since, issued, accepted, active, generations, consent, suspended."`
	Expect        *Expect           `json:"expect" doc:"The answer: an object of allowed, code, reason, scopes, ttl, expires_at, subject, stage, generation. Required."`
}

// CallerTerms describes a caller as Vault would.
type CallerTerms struct {
	ID       string            `json:"id" doc:"Entity ID. Default: entity."`
	Name     string            `json:"name" doc:"Name of the entity."`
	Groups   []string          `json:"groups" doc:"Names or IDs of groups it belongs to."`
	Metadata map[string]string `json:"metadata" doc:"Metadata of the entity."`
	Aliases  []AliasTerms      `json:"aliases" doc:"How auth mounts know it."`
	Disabled bool              `json:"disabled" doc:"Whether the entity is disabled."`
}

// AliasTerms is one alias of a caller.
type AliasTerms struct {
	Name           string            `json:"name" doc:"Name of the alias."`
	Accessor       string            `json:"accessor" doc:"Accessor of the auth mount."`
	MountType      string            `json:"mount_type" doc:"Type of the auth mount."`
	Metadata       map[string]string `json:"metadata" doc:"Metadata of the alias."`
	CustomMetadata map[string]string `json:"custom_metadata" doc:"Custom metadata of the alias."`
}

// Given is what operators and earlier decisions left behind.
type Given struct {
	Stage       string    `json:"stage" doc:"Stage the caller stands at. Default: the first."`
	Since       time.Time `json:"since" doc:"RFC 3339 time at which it came there. Default: the time of the test."`
	Issued      uint64    `json:"issued" doc:"Credentials issued there."`
	Accepted    uint64    `json:"accepted" doc:"Requests accepted there."`
	Active      uint64    `json:"active" doc:"Live credentials of the caller."`
	Generations []string  `json:"generations" doc:"Live deploys, the current one last."`
	Consent     string    `json:"consent" doc:"given or missing. Default: given."`
	Suspended   []string  `json:"suspended" doc:"Which of contract, service and caller are suspended."`
}

// Expect is what the answer has to be, as far as it is said.
type Expect struct {
	Allowed    *bool        `json:"allowed" doc:"Whether the credential is issued. Default: it is, unless code is given."`
	Code       string       `json:"code" doc:"Code of the denial."`
	Reason     string       `json:"reason" doc:"Part of the sentence of the denial."`
	Scopes     ramp.Scopes  `json:"scopes" doc:"All scopes that are granted."`
	TTL        ramp.Seconds `json:"ttl" doc:"Life of the lease."`
	ExpiresAt  time.Time    `json:"expires_at" doc:"End of the credential."`
	Subject    string       `json:"subject" doc:"Subject of the credential."`
	Stage      string       `json:"stage" doc:"Stage of the caller."`
	Generation string       `json:"generation" doc:"Deploy of the credential."`
}

func (t *Test) check() error {
	if t.Contract == "" {
		return errors.New("contract is required: the name of the contract that is asked")
	}
	if t.Expect == nil {
		return errors.New(`expect is required: the answer, such as expect = { code = "condition_false" } or expect = { scopes = ["invoices:read"] }`)
	}
	if t.RemoteAddress != "" {
		if _, err := netip.ParseAddr(t.RemoteAddress); err != nil {
			return fmt.Errorf("remote_address: %.60q is not an IP address", t.RemoteAddress)
		}
	}
	if !slices.Contains([]string{"", ramp.ProofDPoP, ramp.ProofMTLS}, t.Proof) {
		return fmt.Errorf("proof %q is unknown: use dpop or mtls", t.Proof)
	}
	if g := t.Given; g != nil {
		if !slices.Contains([]string{"", "given", "missing"}, g.Consent) {
			return fmt.Errorf("given: consent is %q, it must be given or missing", g.Consent)
		}
		for _, what := range g.Suspended {
			if !slices.Contains([]string{"contract", "service", "caller"}, what) {
				return fmt.Errorf("given: suspended has %q; use contract, service or caller", what)
			}
		}
	}
	if e := t.Expect; e.Code != "" && !slices.Contains(ramp.Codes(), ramp.Code(e.Code)) {
		return fmt.Errorf("expect: code %q is unknown; use one of %v", e.Code, ramp.Codes())
	} else if e.Allowed != nil && *e.Allowed && (e.Code != "" || e.Reason != "") {
		return errors.New("expect: what is allowed has no code and no reason")
	}
	var err error
	if t.Scopes != nil {
		if t.Scopes, err = ramp.NewScopes(t.Scopes...); err != nil {
			return err
		}
	}
	t.Expect.Scopes, err = ramp.NewScopes(t.Expect.Scopes...)
	return err
}
