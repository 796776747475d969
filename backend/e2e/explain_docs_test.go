package e2e_test

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
)

// The examples of docs/ramp.md are what explain answers.
func TestExplainedInTheDocs(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/ramp.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := map[string]fields{}
	for _, block := range strings.Split(string(page), "```json\n")[1:] {
		text, _, _ := strings.Cut(block, "```")
		example := parsed(t, text)
		examples[example["code"].(string)] = example
	}

	r := newRig(t)
	r.service(t, "payments", nil)
	r.Write("identity/entity/id/"+r.orders.EntityID, fields{"metadata": map[string]string{"tier": "2"}})
	stages := fields{"scopes": "invoices:read,invoices:write", "bound_entity_ids": "", "bound_entity_names": "orders", "stages": []any{
		fields{"name": "canary", "scopes": []any{"invoices:read"}, "advance": fields{"approval": true}},
		fields{"name": "full", "scopes": []any{"invoices:read", "invoices:write"}},
	}}
	tier := fields{"conditions": []any{fields{"name": "tier", "expression": `'tier' in caller.metadata && caller.metadata.tier == '1'`}}}
	for code, c := range map[string]struct{ terms, ask fields }{
		"caller_not_bound":  {stages, fields{"caller": r.AppRole("billing", "caller").EntityID}},
		"scope_not_granted": {stages, fields{"caller": r.orders.EntityID, "scopes": "invoices:write"}},
		"condition_false":   {tier, fields{"caller": r.orders.EntityID}},
	} {
		r.delete(t, "roles/orders-to-payments")
		r.contract(t, "orders-to-payments", c.terms)
		told := explain(t, r.Client, c.ask)
		failed := []any{}
		for _, check := range told["checks"].([]any) {
			if check.(fields)["passed"] == false {
				failed = append(failed, check)
			}
		}
		told["checks"] = failed
		if len(examples[code]) < 3 {
			t.Errorf("the page has no example of %s", code)
		}
		for field, want := range examples[code] {
			if !reflect.DeepEqual(told[field], want) {
				got, _ := json.Marshal(told[field])
				t.Errorf("%s: %s is %s, the page says %v", code, field, got, want)
			}
		}
	}
}
