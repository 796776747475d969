package ramp_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/condition"
)

// What explains a decision is what made it, in 10,000 worlds: it is denied when
// a check failed, with code and words of the first that did.
func TestExplainAgreesWithEnforcement(t *testing.T) {
	codes := map[ramp.Code]int{}
	rapid.Check(t, func(t *rapid.T) {
		for range 100 {
			w := anyRamp(t)
			c, svc := w.build(t)
			d := ramp.Decide(c, svc, w.State, w.Facts)
			var first *ramp.Check
			list := d.Checks()
			for i := range list {
				if !list[i].Passed && first == nil {
					first = &list[i]
				}
				if list[i].Reason == "" {
					t.Fatalf("check %s says nothing", list[i].Code)
				}
			}
			denial := d.Denial()
			switch {
			case (denial == nil) != (first == nil):
				t.Fatalf("denial %v, first failing check %+v", denial, first)
			case denial == nil:
				codes[""]++
				continue
			case denial.Code != first.Code || denial.Reason != first.Reason:
				t.Fatalf("denial %v, first failing check %+v", denial, first)
			case !reflect.DeepEqual(d.Grant(), ramp.Grant{}):
				t.Fatalf("denied, and granted %+v", d.Grant())
			}
			codes[denial.Code]++
		}
	})
	for _, code := range []ramp.Code{
		"", ramp.ServiceSuspended, ramp.ContractSuspended, ramp.ConsentMissing, ramp.ContractExpired, ramp.CallerUnknown, ramp.CallerDisabled, ramp.CallerSuspended,
		ramp.CallerNotBound, ramp.CredentialRevoked, ramp.SourceAddress, ramp.GenerationRetired, ramp.ConditionFalse, ramp.ConditionError, ramp.ProofRequired,
		ramp.ScopeNotGranted, ramp.LimitActive,
	} {
		if codes[code] == 0 {
			t.Errorf("no world was denied with %q", code)
		}
	}
}

// explained is a decision as people read it: what failed, and of conditions the parts.
func explained(d ramp.Decision) string {
	var text strings.Builder
	fmt.Fprintln(&text, d.Denial())
	for _, c := range d.Checks() {
		if c.Passed {
			continue
		}
		fmt.Fprintf(&text, "%s: %s\n", c.Code, c.Reason)
		for _, part := range c.Clauses {
			fmt.Fprintf(&text, "  %s = %s\n", part.Expression, part.Value)
		}
	}
	return text.String()
}

func TestTheCommonestDenials(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*world)
		want string
	}{
		"a condition": {func(w *world) {
			w.Terms.Conditions = []ramp.ConditionTerms{{
				Name: "office-hours", Expression: `request.time.getDayOfWeek("Europe/Berlin") in [1, 2, 3, 4, 5] && request.time.getHours("Europe/Berlin") < 12`,
			}}
		}, `denied: condition "office-hours" is false (condition_false)
condition_false: condition "office-hours" is false
  request.time.getDayOfWeek("Europe/Berlin") in [1, 2, 3, 4, 5] && request.time.getHours("Europe/Berlin") < 12 = false
  request.time.getDayOfWeek("Europe/Berlin") in [1, 2, 3, 4, 5] = true
  request.time.getDayOfWeek("Europe/Berlin") = 1
  request.time = 2027-03-01T12:00:00Z
  request.time.getHours("Europe/Berlin") < 12 = false
  request.time.getHours("Europe/Berlin") = 13
  request.time = 2027-03-01T12:00:00Z
`},
		"somebody else": {func(w *world) {
			w.Facts.Caller = &ramp.Caller{ID: "e-billing", Name: "billing"}
		}, `denied: entity e-billing is not one of bound_entity_ids of contract "orders-to-payments" (caller_not_bound)
caller_not_bound: entity e-billing is not one of bound_entity_ids of contract "orders-to-payments"
`},
		"a scope of a later stage": {func(w *world) {
			w.Terms.Stages = ramped().Terms.Stages
			w.Facts.Request.Scopes = ramp.Scopes{"invoices:write"}
		}, `denied: scope "invoices:write" is not granted; contract "orders-to-payments" grants at stage "canary": invoices:read (scope_not_granted)
scope_not_granted: scope "invoices:write" is not granted; contract "orders-to-payments" grants at stage "canary": invoices:read
`},
	} {
		w := plain()
		tc.edit(&w)
		c, err := ramp.NewContract("orders-to-payments", "abcdefghijklmnop", w.Terms, condition.NewCompiler().Compile)
		if err != nil {
			t.Fatal(err)
		}
		if got := explained(ramp.Decide(c, w.service(t), w.State, w.Facts)); got != tc.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, tc.want)
		}
	}
}
