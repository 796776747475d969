package ramp_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// denials lists for each code a change to a world that grants, both when it
// issues and when it renews, and what the sentence must name.
var denials = map[string]struct {
	code   ramp.Code
	change func(*world)
	says   string
}{
	"service suspended":  {ramp.ServiceSuspended, func(w *world) { w.State.ServiceSuspended = true }, `service "payments" is suspended`},
	"contract suspended": {ramp.ContractSuspended, func(w *world) { w.State.ContractSuspended = true }, `contract "orders-to-payments" is suspended`},
	"not started":        {ramp.ContractNotStarted, func(w *world) { w.Terms.NotBefore = noon.Add(time.Second) }, "starts at 2027-03-01T12:00:01Z"},
	"expired":            {ramp.ContractExpired, func(w *world) { w.Terms.ExpiresAt = noon }, "ends at 2027-03-01T12:00:00Z"},
	"no consent":         {ramp.ConsentMissing, func(w *world) { w.Service.Consent = ramp.ConsentRequired }, `service "payments" has not accepted contract "orders-to-payments" (revision `},
	"another consent": {ramp.ConsentMissing, func(w *world) {
		w.Service.Consent, w.State.Consent = ramp.ConsentRequired, "0123456789abcdef"
	}, "its team has to accept this one"},
	"condition": {ramp.ConditionFalse, func(w *world) {
		w.Terms.Conditions = []ramp.ConditionTerms{{Name: "office-hours", Expression: "no"}, {Name: "later", Expression: "error"}}
	}, `condition "office-hours" is false`},
	"condition of the service": {ramp.ConditionFalse, func(w *world) { w.Service.Conditions = []ramp.ConditionTerms{{Name: "zone", Expression: "no"}} }, `condition "zone" is false`},
	"condition without an answer": {ramp.ConditionError, func(w *world) {
		w.Terms.Conditions = []ramp.ConditionTerms{{Name: "broken", Expression: "error"}}
	}, `condition "broken" of the contract cannot be decided: no such key`},
	"generation that retired": {ramp.GenerationRetired, func(w *world) {
		w.State.Generations = ramp.Generations{{Name: "v1", Until: noon}, {Name: "v2"}}
		w.Facts.Request.Generation, w.Facts.Held.Generation = "v1", "v1"
	}, `generation "v1" is not live, the current one is "v2"`},
	"unknown generation": {ramp.GenerationRetired, func(w *world) {
		w.State.Generations = ramp.Generations{{Name: "v2"}}
		w.Facts.Request.Generation, w.Facts.Held.Generation = "v3", "v3"
	}, `generation "v3" is not live`},
	"scope of a later stage": {ramp.ScopeNotGranted, func(w *world) {
		w.Terms.Stages = []ramp.StageTerms{{Name: "canary", Scopes: ramp.Scopes{"invoices:read"}}, {Name: "full", Scopes: w.Terms.Scopes}}
		w.Facts.Request.Scopes, w.Facts.Held.Scopes = ramp.Scopes{"invoices:write"}, ramp.Scopes{"invoices:write"}
	}, `at stage "canary": invoices:read`},
	"no entity":         {ramp.CallerUnknown, func(w *world) { w.Facts.Caller = nil }, "no Vault entity"},
	"disabled":          {ramp.CallerDisabled, func(w *world) { w.Facts.Caller.Disabled = true }, `entity "orders" is disabled`},
	"caller suspended":  {ramp.CallerSuspended, func(w *world) { w.State.CallerSuspended = true }, "the caller is suspended"},
	"other entity id":   {ramp.CallerNotBound, func(w *world) { w.Terms.BoundEntityIDs = []string{"e-other"} }, "bound_entity_ids"},
	"other entity name": {ramp.CallerNotBound, func(w *world) { w.Terms.BoundEntityNames = []string{"billing"} }, "bound_entity_names"},
	"in no group":       {ramp.CallerNotBound, func(w *world) { w.Terms.BoundGroups = []string{"ops"} }, "bound_groups"},
	"entity metadata": {ramp.CallerNotBound, func(w *world) {
		w.Terms.BoundEntityMetadata = map[string]string{"env": "prod"}
		w.Facts.Caller.Metadata = map[string]string{"env": "test"}
	}, "bound_entity_metadata"},
	"alias metadata": {ramp.CallerNotBound, func(w *world) { w.Terms.BoundAliasMetadata = map[string]string{"env": "prod"} }, "bound_alias_metadata"},
	"no alias": {ramp.CallerNotBound, func(w *world) {
		w.Terms.BoundAuthMounts = []string{"approle_1"}
		w.Facts.Caller.Aliases = nil
	}, "has no alias"},
	"one alias elsewhere": {ramp.CallerNotBound, func(w *world) {
		w.Terms.BoundAuthMounts = []string{"approle_1"}
		w.Facts.Caller.Aliases = append(w.Facts.Caller.Aliases, ramp.Alias{Name: "orders", Accessor: "userpass_2"})
	}, "also has an alias on userpass_2"},
	"subject from a hostile name": {ramp.CallerNotBound, func(w *world) {
		w.Terms.Subject = "spiffe://example.com/{{identity.entity.name}}"
		w.Facts.Caller.Name = "orders/admin"
	}, `may not be part of a subject ('/')`},
	"subject from nothing": {ramp.CallerNotBound, func(w *world) { w.Terms.Subject = "{{identity.entity.metadata.team}}" }, "no identity.entity.metadata.team"},
	"address":              {ramp.SourceAddress, func(w *world) { w.Terms.BoundCIDRs = []string{"192.0.2.0/24"} }, "10.0.0.7"},
	"unknown address": {ramp.SourceAddress, func(w *world) {
		w.Terms.BoundCIDRs = []string{"0.0.0.0/0", "::/0"}
		w.Facts.RemoteAddr = netip.Addr{}
	}, "an unknown address"},
	"no proof": {ramp.ProofRequired, func(w *world) { w.Service.Proof = ramp.ProofDPoP }, "dpop_jkt or public_key"},
	"weaker proof": {ramp.ProofRequired, func(w *world) {
		w.Service.Proof = ramp.ProofMTLS
		w.Facts.Request.Proof, w.Facts.Held.Proof = ramp.ProofDPoP, ramp.ProofDPoP
	}, "certificate"},
	"scope of the service only": {ramp.ScopeNotGranted, func(w *world) {
		w.Facts.Request.Scopes, w.Facts.Held.Scopes = ramp.Scopes{"refunds"}, ramp.Scopes{"refunds"}
	}, `scope "refunds" is not granted`},
	"scope of the contract only": {ramp.ScopeNotGranted, func(w *world) {
		w.Service.Scopes = ramp.Scopes{"invoices:write"}
		w.Facts.Request.Scopes = ramp.Scopes{"invoices:read"}
	}, `scope "invoices:read" is not granted`},
	"no scope in common": {ramp.ScopeNotGranted, func(w *world) {
		w.Service.Scopes, w.Facts.Held.Scopes = ramp.Scopes{"refunds"}, nil
	}, "no scope in common"},
}

func TestDenials(t *testing.T) {
	for name, denial := range denials {
		for phase, w := range map[string]world{"issue": plain(), "renew": plain().renewal()} {
			t.Run(name+"/"+phase, func(t *testing.T) {
				if d := w.decide(t); d.Denial() != nil {
					t.Fatalf("denied before the change: %v", d.Denial())
				}
				denial.change(&w)
				denied(t, w, denial.code, denial.says)
			})
		}
	}
}

func TestRenewalDenials(t *testing.T) {
	for name, denial := range map[string]struct {
		change func(*world)
		says   string
	}{
		"revoked": {func(w *world) { w.Facts.Held.Dead = true }, "was revoked"},
		"ended":   {func(w *world) { w.Facts.Held.Expiry = noon }, "ended at 2027-03-01T12:00:00Z"},
		"ended, in a contract that goes on": {func(w *world) {
			w.Terms.ExpiresAt, w.Facts.Held.Expiry = noon.Add(time.Hour), noon.Add(-time.Second)
		}, "ended at 2027-03-01T11:59:59Z"},
	} {
		t.Run(name, func(t *testing.T) {
			w := plain().renewal()
			denial.change(&w)
			denied(t, w, ramp.CredentialRevoked, denial.says)
		})
	}
}

// denied asserts the code, a sentence that helps, and that the checks agree.
func denied(t *testing.T, w world, code ramp.Code, says string) {
	t.Helper()
	d := w.decide(t)
	denial := d.Denial()
	if denial == nil || denial.Code != code || !strings.Contains(denial.Reason, says) {
		t.Fatalf("denial %v, want code %s and a sentence with %q", denial, code, says)
	}
	if want := "denied: " + denial.Reason + " (" + string(code) + ")"; denial.Error() != want {
		t.Errorf("error %q, want %q", denial.Error(), want)
	}
	if g := d.Grant(); g.Scopes != nil || g.TTL != 0 || !g.Expiry.IsZero() || g.Renewable || g.Subject != "" {
		t.Errorf("a denied decision grants %+v", g)
	}
	for _, c := range d.Checks() {
		if c.Reason == "" {
			t.Errorf("check %s says nothing", c.Code)
		}
		if c.Code == code && (c.Passed || c.Reason != denial.Reason) {
			t.Errorf("check %+v does not explain the denial %v", c, denial)
		}
	}
}

// Every check has a denial above: a new one without a test fails here.
func TestEveryCheckIsTried(t *testing.T) {
	tried := map[ramp.Code]bool{ramp.CredentialRevoked: true, ramp.LimitActive: true} // see TestRenewalDenials, TestLimits
	for _, denial := range denials {
		tried[denial.code] = true
	}
	w := plain()
	w.Terms.Conditions = []ramp.ConditionTerms{{Name: "c", Expression: "yes"}}
	d := w.decide(t)
	for _, c := range d.Checks() {
		if !c.Passed || !tried[c.Code] {
			t.Errorf("check %s: passed in a plain world %t, tried %t", c.Code, c.Passed, tried[c.Code])
		}
	}
}

func TestFirstFailureIsTheDenial(t *testing.T) {
	w := plain()
	w.State = ramp.State{ContractSuspended: true, ServiceSuspended: true, CallerSuspended: true}
	w.Facts.Caller = nil
	d := w.decide(t)
	if d.Denial().Code != ramp.ServiceSuspended {
		t.Errorf("denial %v, want what stops everybody first", d.Denial())
	}
	failed := 0
	for _, c := range d.Checks() {
		if !c.Passed {
			failed++
		}
	}
	if failed < 4 {
		t.Errorf("%d checks failed: all are made, also after the first failure", failed)
	}
}
