package e2e_test

import (
	"strings"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// A renewal decides again with what Vault knows now. When the answer is no, the credential is dead at once for everybody
// who looks, also when somebody else renews.
func TestRenewalDecidesAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	const role = "roles/renewed"
	for name, c := range map[string]struct {
		contract fields // beside the caller's entity
		happens  func(t *testing.T, caller *vaulttest.Login)
		code     string
		kills    bool // what happens kills by itself, before any renewal
	}{
		"the entity is disabled": {code: "caller_disabled", happens: func(_ *testing.T, caller *vaulttest.Login) {
			r.Write("identity/entity/id/"+caller.EntityID, fields{"disabled": true})
		}},
		"the entity is deleted": {code: "caller_disabled", happens: func(t *testing.T, caller *vaulttest.Login) {
			if _, err := r.Client.Logical().Delete("identity/entity/id/" + caller.EntityID); err != nil {
				t.Fatal(err)
			}
		}},
		"the entity leaves the group": {code: "caller_not_bound", contract: fields{"bound_groups": "renewers"}, happens: func(*testing.T, *vaulttest.Login) {
			r.Write("identity/group", fields{"name": "renewers", "member_entity_ids": []string{}})
		}},
		"the metadata changes": {code: "caller_not_bound", contract: fields{"bound_entity_metadata": "team=shop"}, happens: func(_ *testing.T, caller *vaulttest.Login) {
			r.Write("identity/entity/id/"+caller.EntityID, fields{"metadata": map[string]string{"team": "else"}})
		}},
		"another alias appears": {code: "caller_not_bound", contract: fields{"bound_auth_mounts": r.orders.Mount}, happens: func(_ *testing.T, caller *vaulttest.Login) {
			r.User(caller.Name)
		}},
		"the contract is suspended": {code: "contract_suspended", kills: true, happens: func(t *testing.T, _ *vaulttest.Login) {
			r.write(t, role+"/suspend", nil)
		}},
		"the service is suspended": {code: "service_suspended", kills: true, happens: func(t *testing.T, _ *vaulttest.Login) {
			r.write(t, "services/payments/suspend", nil)
			t.Cleanup(func() { r.write(t, "services/payments/resume", nil) })
		}},
		"the caller is suspended": {code: "caller_suspended", kills: true, happens: func(t *testing.T, caller *vaulttest.Login) {
			r.write(t, "callers/"+caller.EntityID+"/suspend", nil)
		}},
		"everything is revoked": {code: "credential_revoked", kills: true, happens: func(t *testing.T, _ *vaulttest.Login) {
			r.write(t, role+"/revoke", nil)
		}},
		"the caller's are revoked": {code: "credential_revoked", kills: true, happens: func(t *testing.T, caller *vaulttest.Login) {
			r.write(t, role+"/revoke", fields{"caller": caller.EntityID})
		}},
		"the contract is deleted": {code: "credential_revoked", kills: true, happens: func(t *testing.T, _ *vaulttest.Login) {
			r.delete(t, role)
		}},
		"suspended and resumed": {code: "credential_revoked", kills: true, happens: func(t *testing.T, _ *vaulttest.Login) {
			r.write(t, role+"/suspend", nil)
			r.write(t, role+"/resume", nil)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			caller := r.AppRole(strings.ReplaceAll(strings.ReplaceAll(name, " ", "-"), "'", ""), "caller")
			r.Write("identity/entity/id/"+caller.EntityID, fields{"metadata": map[string]string{"team": "shop"}})
			r.Write("identity/group", fields{"name": "renewers", "member_entity_ids": caller.EntityID})
			r.delete(t, role)
			terms := fields{"bound_entity_ids": caller.EntityID}
			for field, value := range c.contract {
				terms[field] = value
			}
			r.contract(t, "renewed", terms)
			held := r.mint(t, caller.Client, "renewed", nil)
			if _, err := r.Client.Sys().Renew(held.Lease, 0); err != nil {
				t.Fatal(err)
			}
			r.wantAlive(t, held)

			c.happens(t, caller)
			if c.kills && r.deadInFeed(t, held) == "" {
				t.Error("before any renewal the feed calls the credential alive")
			}
			_, err := r.Client.Sys().Renew(held.Lease, 0)
			wantRefused(t, err, 400, "denied: ", "("+c.code+")", "permission denied")
			r.wantDead(t, held)
			if err := r.Client.Sys().Revoke(held.Lease); err != nil {
				t.Error(err)
			}
		})
	}
}
