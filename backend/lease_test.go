package backend

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// What changes after the issue is felt by the renewal, and the credential dies.
func TestRefusedRenewals(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*rig)
		code   string
	}{
		"entity disabled":  {func(r *rig) { r.vault.entity("e-orders", func(e *logical.Entity) { e.Disabled = true }) }, "caller_disabled"},
		"entity deleted":   {func(r *rig) { delete(r.vault.entities, "e-orders") }, "caller_disabled"},
		"entity renamed":   {func(r *rig) { r.vault.entity("e-orders", func(e *logical.Entity) { e.Name = "x" }) }, "caller_not_bound"},
		"out of the group": {func(r *rig) { r.vault.groups["e-orders"] = nil }, "caller_not_bound"},
		"another alias": {func(r *rig) {
			r.vault.entity("e-orders", func(e *logical.Entity) { e.Aliases[0].MountAccessor = "auth_other" })
		}, "caller_not_bound"},
		"caller suspended":   {func(r *rig) { r.write("callers/e-orders/suspend", nil) }, "caller_suspended"},
		"contract suspended": {func(r *rig) { r.write("roles/"+role+"/suspend", nil) }, "contract_suspended"},
		"service suspended":  {func(r *rig) { r.write("services/payments/suspend", nil) }, "service_suspended"},
		"contract narrowed":  {func(r *rig) { r.write("roles/"+role, map[string]any{"scopes": "invoices:write"}) }, "credential_revoked"},
		"contract deleted":   {func(r *rig) { r.delete("roles/" + role) }, "credential_revoked"},
		"contract revoked":   {func(r *rig) { r.write("roles/"+role+"/revoke", nil) }, "credential_revoked"},
		"caller revoked":     {func(r *rig) { r.write("roles/"+role+"/revoke", map[string]any{"caller": "e-orders"}) }, "credential_revoked"},
		"lease revoked":      {func(*rig) {}, "credential_revoked"},
		"token revoked":      {func(*rig) {}, "credential_revoked"},
		"at its end":         {func(r *rig) { r.clock.advance(time.Hour) }, "credential_revoked"},
		"contract ended":     {func(r *rig) { r.clock.advance(59 * time.Minute) }, "contract_expired"},
		"stored state lost":  {func(r *rig) { r.write("callers/e-orders/suspend", nil); r.start() }, "caller_suspended"},
	} {
		t.Run(name, func(t *testing.T) {
			eachTransport(t, func(t *testing.T, r *rig) {
				r.contract()
				role := map[string]any{"bound_entity_names": "orders", "bound_groups": "ops", "bound_auth_mounts": "auth_approle_1", "bound_cidrs": "10.0.0.0/8"}
				if tc.code == "contract_expired" {
					role["expires_at"] = "2027-03-01T12:59:00Z"
				}
				r.write("roles/orders-to-payments", role)
				held := r.mint()
				if _, err := r.renew(held); err != nil {
					t.Fatal(err)
				}
				switch name {
				case "lease revoked":
					r.revoke(held)
				case "token revoked":
					r.write("revoke", map[string]any{"token": held.Data["token"]})
				}
				tc.change(r)
				r.notRenewed(held, tc.code)
				if now := r.clock.now(); now.Before(held.Secret.IssueTime.Add(59 * time.Minute)) {
					r.dead(held, true)
					r.start()
					r.dead(held, true)
				}
				r.revoke(held)
			})
		})
	}
}

// A renewal never goes past max_ttl, whatever increment a client asks for.
func TestRenewalsEndAtMaxTTL(t *testing.T) {
	r := newRig(t)
	r.contract()
	held := r.mint()
	issued := r.clock.now()
	for r.clock.now().Before(issued.Add(time.Hour)) {
		renewed, err := r.renew(held)
		if err != nil {
			t.Fatal(err)
		}
		if end := r.clock.now().Add(renewed.Secret.TTL); end.After(issued.Add(time.Hour)) || !issued.Add(renewed.Secret.MaxTTL).Equal(end) {
			t.Fatalf("at %s the lease runs until %s, at most %s", r.clock.now(), end, issued.Add(renewed.Secret.MaxTTL))
		}
		r.clock.advance(4 * time.Minute)
	}
	r.notRenewed(held, "credential_revoked")
}

// Leases outlive the plugin that made them: what it cannot read it refuses.
func TestStrangeLeases(t *testing.T) {
	for name, change := range map[string]func(map[string]any){
		"newer version": func(m map[string]any) { m["v"] = "2" },
		"no version":    func(m map[string]any) { delete(m, "v") },
		"no serial":     func(m map[string]any) { delete(m, "serial") },
		"float serial":  func(m map[string]any) { m["serial"] = 7.0 },
		"bad expiry":    func(m map[string]any) { m["exp"] = "soon" },
		"no contract":   func(m map[string]any) { m["id"] = "" },
	} {
		r := newRig(t)
		r.contract()
		held := r.mint()
		change(held.Secret.InternalData)
		_, err := r.renew(held)
		if status(err) != 500 || strings.Contains(err.Error(), "lease") {
			t.Errorf("%s: renewed: %v", name, err)
		}
		if err := r.tryRevoke(held); status(err) != 500 {
			t.Errorf("%s: revoked: %v", name, err)
		}
	}
}

// A lease names no caller in the response, and holds no number that the plugin
// boundary could bend.
func TestLeaseData(t *testing.T) {
	r := newRig(t)
	r.contract()
	held := r.mint()
	for k, v := range held.Secret.InternalData {
		text, ok := v.(string)
		if !ok || strings.Contains(text, held.Data["token"].(string)) {
			t.Errorf("%s is %T %v", k, v, v)
		}
	}
}
