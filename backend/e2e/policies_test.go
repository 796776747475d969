package e2e_test

import (
	"os"
	"testing"

	"github.com/hashicorp/vault/api"
)

// The policies that come with Ramp keep caller, service team and platform team apart on the ramp, too.
func TestShippedPolicies(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", fields{"scopes": "invoices:read,invoices:write,refunds"})
	r.contract(t, "orders-to-payments", parsed(t, threeStages))
	r.mint(t, r.orders.Client, "orders-to-payments", nil)
	as := map[string]*api.Client{}
	for _, team := range []string{"orders", "payments", "platform"} {
		policy, err := os.ReadFile("../../bootstrap/dev/policies/" + team + ".hcl")
		if err != nil {
			t.Fatal(err)
		}
		as[team] = r.User(team+"-user", r.Policy(team+"-shipped", string(policy))).Client
	}
	revision := r.read(t, "roles/orders-to-payments")["revision"]
	caller := fields{"caller": r.orders.EntityID}
	for _, w := range []struct {
		path string
		data fields
		may  string // one of the three, and no other
	}{
		{"evidence/orders-to-payments", r.report("one", 1, 0), "payments"},
		{"roles/orders-to-payments/advance", caller, "payments"},
		{"services/payments/consents/orders-to-payments", fields{"revision": revision}, "payments"},
		{"explain/orders-to-payments", caller, "platform"},
		{"roles/orders-to-payments/deploy", fields{"generation": "one"}, "platform"},
	} {
		for team, client := range as {
			err := write(client, w.path, w.data)
			switch {
			case team != w.may:
				wantForbidden(t, err)
			case err != nil:
				t.Errorf("%s as %s: %v", w.path, team, err)
			}
		}
	}
	wantDone(t, write(as["orders"], "explain/orders-to-payments", nil))
}
