package e2e_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

// ownExplainPolicy lets a caller ask about itself and nobody else.
const ownExplainPolicy = `
path "ramp/explain/*" {
  capabilities      = ["update"]
  denied_parameters = {
    "caller"         = []
    "contract"       = []
    "time"           = []
    "remote_address" = []
  }
}`

// explain asks for a decision as the holder of a client.
func explain(t *testing.T, client *api.Client, ask fields) fields {
	t.Helper()
	answer, err := client.Logical().Write("ramp/explain/orders-to-payments", ask)
	if err != nil {
		t.Fatalf("explain %v: %v", ask, err)
	}
	return answer.Data
}

// wantExplained fails the test unless explain and creds agree: on the grant, or on code and sentence of the denial.
func (r *rig) wantExplained(t *testing.T, client *api.Client, ask fields, code string) fields {
	t.Helper()
	told := explain(t, client, ask)
	got, err := r.tryMint(client, "orders-to-payments", ask)
	if code != "" {
		wantDenied(t, err, code)
		wantRefused(t, err, 403, fmt.Sprintf("denied: %v (%v)", told["reason"], told["code"]))
		if told["allowed"] != false || told["code"] != code {
			t.Errorf("creds denies with %s, explain says %v %v", code, told["allowed"], told["code"])
		}
	} else if err != nil || told["allowed"] != true || told["scope"] != got.Scope || told["stage"] != got.Data["stage"] && got.Data["stage"] != nil || told["subject"] != got.Subject {
		t.Errorf("creds grants %v (%v), explain says %v", got.Data, err, told)
	}
	return told
}

// check returns the check of an explanation with this code.
func check(t *testing.T, told fields, code string) fields {
	t.Helper()
	for _, c := range told["checks"].([]any) {
		if c.(fields)["code"] == code {
			return c.(fields)
		}
	}
	t.Fatalf("no check %s in %v", code, told["checks"])
	return nil
}

// A caller sees why it is refused, in the words of the refusal, and nothing is minted or counted by asking.
func TestExplainToOneself(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.Policy("caller", callerPolicy+ownExplainPolicy)
	stranger := r.AppRole("stranger", "caller").Client
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", fields{"max_active": 1, "conditions": []any{
		fields{"name": "green-build", "expression": `"build" in request.context && request.context.build == "green"`},
	}})
	own, green := r.orders.Client, fields{"context": fields{"build": "green"}}

	for range 3 {
		explain(t, own, green)
	}
	told := r.wantExplained(t, own, green, "")
	if told["ttl"] != json.Number("300") || told["reason"] != "" {
		t.Errorf("the grant is explained as %v", told)
	}
	r.wantExplained(t, own, green, "limit_active")
	r.write(t, "roles/orders-to-payments/revoke", nil)
	r.wantExplained(t, own, green, "")
	r.write(t, "roles/orders-to-payments/revoke", nil)

	// The three commonest denials.
	told = r.wantExplained(t, stranger, green, "caller_not_bound")
	if reason := told["reason"].(string); !strings.Contains(reason, "bound_entity_ids") {
		t.Errorf("who is not bound hears %q", reason)
	}
	told = r.wantExplained(t, own, fields{"context": fields{"build": "red"}}, "condition_false")
	if told["reason"] != `condition "green-build" is false` {
		t.Errorf("a false condition is explained as %q", told["reason"])
	}
	values := map[any]any{}
	for _, c := range check(t, told, "condition_false")["clauses"].([]any) {
		values[c.(fields)["expression"]] = c.(fields)["value"]
	}
	for expression, value := range map[string]string{
		`"build" in request.context && request.context.build == "green"`: "false",
		`"build" in request.context`:                                     "true",
		`request.context.build == "green"`:                               "false",
		`request.context.build`:                                          `"red"`,
	} {
		if values[expression] != value {
			t.Errorf("%s is %v, want %s; all clauses: %v", expression, values[expression], value, values)
		}
	}
	told = r.wantExplained(t, own, fields{"scopes": "invoices:write", "context": fields{"build": "green"}}, "scope_not_granted")
	if told["reason"] != `scope "invoices:write" is not granted; contract "orders-to-payments" grants: invoices:read` {
		t.Errorf("a scope that is not granted is explained as %q", told["reason"])
	}

	// Every check is there, those after the one that failed, too.
	r.write(t, "roles/orders-to-payments/suspend", nil)
	told = r.wantExplained(t, own, green, "contract_suspended")
	if passed := check(t, told, "condition_false")["passed"]; passed != true || len(told["checks"].([]any)) < 16 {
		t.Errorf("the explanation has %v", told["checks"])
	}

	// About others it may not ask.
	for _, field := range []string{"caller", "contract", "time", "remote_address"} {
		wantForbidden(t, write(own, "explain/orders-to-payments", fields{field: "x"}))
	}
}

// An operator asks for somebody else, some other time or place, and for a contract that nobody wrote yet.
func TestExplainWhatIf(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	id := r.contract(t, "orders-to-payments", fields{"bound_cidrs": "127.0.0.0/8", "expires_at": "2999-01-01T00:00:00Z"})
	operator := r.User("operator", r.Policy("operator", `path "ramp/explain/*" { capabilities = ["update"] }`)).Client
	about := func(more fields) fields {
		ask := fields{"caller": r.orders.EntityID}
		for field, value := range more {
			ask[field] = value
		}
		return explain(t, operator, ask)
	}
	if told := explain(t, operator, nil); told["code"] != "caller_not_bound" {
		t.Errorf("the operator itself: %v", told)
	}
	if told := about(nil); told["allowed"] != true || told["subject"] != "spiffe://127.0.0.1/entity/"+r.orders.EntityID {
		t.Errorf("orders: %v", told)
	}
	before := r.read(t, "roles/orders-to-payments")
	proposal := fields{
		"service": "payments", "scopes": []any{"invoices:read", "invoices:write"}, "bound_entity_names": []any{"orders"},
		"conditions": []any{fields{"name": "office-hours", "expression": `request.time.getHours("UTC") >= 8 && request.time.getHours("UTC") < 18`}},
	}
	for name, c := range map[string]struct {
		ask  fields
		code string
	}{
		"from elsewhere":       {fields{"remote_address": "192.0.2.1"}, "source_address"},
		"from here":            {fields{"remote_address": "127.0.0.9"}, ""},
		"when it is over":      {fields{"time": "2999-01-01T00:00:00Z"}, "contract_expired"},
		"a second before":      {fields{"time": "2998-12-31T23:59:59Z"}, ""},
		"more":                 {fields{"scopes": "invoices:write"}, "scope_not_granted"},
		"proposed, at noon":    {fields{"contract": proposal, "time": "2026-03-02T12:00:00Z", "scopes": "invoices:write"}, ""},
		"proposed, at night":   {fields{"contract": proposal, "time": "2026-03-02T03:00:00Z"}, "condition_false"},
		"proposed, from afar":  {fields{"contract": proposal, "time": "2026-03-02T12:00:00Z", "remote_address": "192.0.2.1"}, ""},
		"somebody unheard of":  {fields{"caller": "nobody"}, "caller_disabled"},
		"proposed, a stranger": {fields{"contract": proposal, "caller": r.AppRole("stranger", "caller").EntityID, "time": "2026-03-02T12:00:00Z"}, "caller_not_bound"},
	} {
		if told := about(c.ask); told["code"] != c.code || told["allowed"] != (c.code == "") {
			t.Errorf("%s: allowed is %v, code %q, want %q: %v", name, told["allowed"], told["code"], c.code, told["reason"])
		}
	}
	told, err := operator.Logical().Write("ramp/explain/not-written-yet", fields{"caller": r.orders.EntityID, "contract": proposal, "time": time.Now().UTC().Format(time.DateOnly) + "T12:00:00Z"})
	if err != nil || told.Data["allowed"] != true || told.Data["scope"] != "invoices:read invoices:write" {
		t.Errorf("a contract that does not exist: %v %v", told, err)
	}
	wantRefused(t, write(operator, "explain/not-written-yet", nil), 404, "not-written-yet")
	proposal["scopes"] = []any{}
	wantRefused(t, write(operator, "explain/orders-to-payments", fields{"contract": proposal}), 400, "contract: scopes is required")

	// Asking changed nothing: the proposal is not the contract, and no serial was used.
	if after := r.read(t, "roles/orders-to-payments"); fmt.Sprint(after) != fmt.Sprint(before) || r.read(t, "roles/not-written-yet") != nil {
		t.Errorf("asking changed %v to %v", before, after)
	}
	if c := r.mint(t, r.orders.Client, "orders-to-payments", nil); c.contractID() != id || c.Ramp.Serial != 0 {
		t.Errorf("the first credential is %s", c.ID)
	}
}

// The vault command shows a decision that a person can read.
func TestExplainOnTheCommandLine(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.Policy("caller", callerPolicy+ownExplainPolicy)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", condition(`caller.name == "billing"`))
	out := r.vault(t, r.orders.Token, "write", "-f", "ramp/explain/orders-to-payments")
	for _, want := range []string{"allowed       false", "code          condition_false", `reason        condition "it" is false`} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if t.Failed() {
		t.Log(out)
	}
}
