package e2e_test

import (
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

// Whoever is not the caller that a contract means is refused, with the code that says why.
func TestRefusedCallers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	stranger := r.AppRole("stranger", r.Policy("caller", callerPolicy))
	mixed := r.AppRole("mixed", "caller")
	refused := func(client *api.Client, role, code string) {
		t.Helper()
		_, err := r.tryMint(client, role, nil)
		wantDenied(t, err, code)
	}

	r.contract(t, "by-id", nil)
	r.mint(t, r.orders.Client, "by-id", nil)
	refused(r.Client, "by-id", "caller_unknown") // the root token
	refused(stranger.Client, "by-id", "caller_not_bound")

	r.contract(t, "by-mount", fields{"bound_entity_ids": "", "bound_auth_mounts": mixed.Mount})
	r.mint(t, mixed.Client, "by-mount", nil)
	r.User("mixed", "caller") // the same entity gets another alias
	refused(mixed.Client, "by-mount", "caller_not_bound")
	r.mint(t, r.orders.Client, "by-mount", nil)

	r.contract(t, "from-afar", fields{"bound_cidrs": "10.0.0.0/8,2001:db8::/32"})
	refused(r.orders.Client, "from-afar", "source_address")
	r.contract(t, "from-here", fields{"bound_cidrs": "10.0.0.0/8,127.0.0.1"})
	r.mint(t, r.orders.Client, "from-here", nil)

	// Vault itself refuses the token of a disabled entity; its lease is another matter, see TestRenewalDecidesAgain.
	r.Write("identity/entity/id/"+stranger.EntityID, fields{"disabled": true})
	_, err := r.tryMint(stranger.Client, "by-id", nil)
	wantRefused(t, err, 403, "permission denied")
}

// Every kind of binding holds those it means, and all of them have to.
func TestBindings(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	stranger := r.AppRole("stranger", r.Policy("caller", callerPolicy))
	r.Write("identity/entity/id/"+r.orders.EntityID, fields{"metadata": map[string]string{"team": "shop", "tier": "1"}})
	r.Write("identity/entity/id/"+stranger.EntityID, fields{"metadata": map[string]string{"team": "shop"}})
	group := r.Write("identity/group", fields{"name": "shop", "member_entity_ids": r.orders.EntityID}).Data["id"]

	for name, binding := range map[string]fields{
		"name":       {"bound_entity_ids": "", "bound_entity_names": "orders,other"},
		"metadata":   {"bound_entity_ids": "", "bound_entity_metadata": fields{"team": "shop", "tier": "1"}},
		"group-name": {"bound_entity_ids": "", "bound_groups": "shop"},
		"group-id":   {"bound_entity_ids": "", "bound_groups": group},
		"both":       {"bound_entity_ids": r.orders.EntityID + "," + stranger.EntityID, "bound_groups": "shop"},
		"subject":    {"bound_entity_ids": "", "bound_auth_mounts": r.orders.Mount, "subject": "svc-{{identity.entity.metadata.tier}}"},
	} {
		r.contract(t, name, binding)
		c := r.mint(t, r.orders.Client, name, nil)
		if name == "subject" && c.Subject != "svc-1" {
			t.Errorf("subject is %s", c.Subject)
		}
		_, err := r.tryMint(stranger.Client, name, nil)
		wantDenied(t, err, "caller_not_bound")
	}

	// A caller whose metadata could forge another subject gets none.
	r.Write("identity/entity/id/"+r.orders.EntityID, fields{"metadata": map[string]string{"tier": "1/admin"}})
	_, err := r.tryMint(r.orders.Client, "subject", nil)
	wantDenied(t, err, "caller_not_bound")
}

// What was stopped stays stopped until it is resumed, and what has not begun or is over grants nothing.
func TestSwitchesAndDates(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	for _, s := range []struct{ path, code string }{
		{"roles/orders-to-payments", "contract_suspended"},
		{"services/payments", "service_suspended"},
		{"callers/" + r.orders.EntityID, "caller_suspended"},
	} {
		for range 2 { // suspending and resuming again is harmless
			r.write(t, s.path+"/suspend", nil)
		}
		_, err := r.tryMint(r.orders.Client, "orders-to-payments", nil)
		wantDenied(t, err, s.code)
		for range 2 {
			r.write(t, s.path+"/resume", nil)
		}
		r.wantAlive(t, r.mint(t, r.orders.Client, "orders-to-payments", nil))
	}

	now := time.Now().Truncate(time.Second).UTC()
	stamp := func(d time.Duration) string { return now.Add(d).Format(time.RFC3339) }
	for _, d := range []struct{ notBefore, expiresAt, code, state string }{
		{stamp(time.Hour), "", "contract_not_started", "not_started"},
		{stamp(time.Hour), stamp(2 * time.Hour), "contract_not_started", "not_started"},
		{"", stamp(-time.Hour), "contract_expired", "expired"},
	} {
		r.contract(t, "dated", fields{"not_before": d.notBefore, "expires_at": d.expiresAt})
		_, err := r.tryMint(r.orders.Client, "dated", nil)
		wantDenied(t, err, d.code)
		if state := r.read(t, "roles/dated")["state"]; state != d.state {
			t.Errorf("state is %v, want %s", state, d.state)
		}
	}
	r.contract(t, "dated", fields{"not_before": stamp(-time.Hour), "expires_at": stamp(20 * time.Minute)})
	if c := r.mint(t, r.orders.Client, "dated", nil); c.Expiry != now.Add(20*time.Minute).Unix() {
		t.Errorf("the credential ends at %s, the contract at %s", c.ExpiresAt(), stamp(20*time.Minute))
	}
}

func TestScopesAsked(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", fields{"scopes": "invoices:read,invoices:write,refunds"})
	r.contract(t, "orders-to-payments", fields{"scopes": "invoices:read,invoices:write"})
	for asked, want := range map[string]string{
		"":                             "invoices:read invoices:write",
		"invoices:read":                "invoices:read",
		"invoices:write":               "invoices:write",
		"invoices:write,invoices:read": "invoices:read invoices:write",
	} {
		var params fields
		if asked != "" {
			params = fields{"scopes": asked}
		}
		if c := r.mint(t, r.orders.Client, "orders-to-payments", params); c.Scope != want || c.Data["scope"] != want {
			t.Errorf("asked for %q, got %q and %q", asked, c.Scope, c.Data["scope"])
		}
	}
	for _, asked := range []string{"refunds", "invoices:read,refunds", "nosuch", "*"} {
		_, err := r.tryMint(r.orders.Client, "orders-to-payments", fields{"scopes": asked})
		wantDenied(t, err, "scope_not_granted")
	}
}
