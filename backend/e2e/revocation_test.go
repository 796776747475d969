package e2e_test

import (
	"errors"
	"testing"

	"github.com/hashicorp/vault/api"
)

// vault lease revoke kills one credential, as often as it is asked to.
func TestLeaseRevoke(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	c := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	other := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	for range 3 {
		r.vault(t, r.RootToken, "lease", "revoke", "-sync", c.Lease)
		r.wantDead(t, c)
	}
	r.wantAlive(t, other)
}

// vault lease revoke -prefix kills what a role issued and nothing else.
func TestPrefixRevoke(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	r.contract(t, "leaked", nil)
	r.contract(t, "leaked-not", nil)
	var held []creds
	for range 5 {
		held = append(held, r.mint(t, r.orders.Client, "leaked", nil))
	}
	other := r.mint(t, r.orders.Client, "leaked-not", nil)
	for range 2 {
		r.vault(t, r.RootToken, "lease", "revoke", "-sync", "-prefix", "ramp/creds/leaked/")
	}
	for _, c := range held {
		r.wantDead(t, c)
	}
	r.wantAlive(t, other)
	r.vault(t, r.RootToken, "lease", "revoke", "-sync", "-prefix", "ramp/")
	r.wantDead(t, other)
}

// The revocation of a login takes along what was minted with it.
func TestTokenRevoke(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	c := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	if err := r.Client.Auth().Token().RevokeTree(r.orders.Token); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the lease to go", func() bool { return r.deadInFeed(t, c) != "" })
	r.wantDead(t, c)
}

func TestRoleRevoke(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	other := r.AppRole("other", r.Policy("caller", callerPolicy))
	r.contract(t, "shared", fields{"bound_entity_ids": r.orders.EntityID + "," + other.EntityID})
	mine, theirs := r.mint(t, r.orders.Client, "shared", nil), r.mint(t, other.Client, "shared", nil)

	for range 2 { // one caller: the other is left alone
		r.write(t, "roles/shared/revoke", fields{"caller": r.orders.EntityID})
		if r.deadInFeed(t, mine) == "" || r.introspect(t, mine.Token)["active"] != false {
			t.Error("the caller's credential is alive")
		}
		r.wantAlive(t, theirs)
	}
	// A status list names no caller: the bit follows when the lease ends, here by a refused renewal.
	_, err := r.orders.Client.Sys().Renew(mine.Lease, 0)
	wantRefused(t, err, 400, "(credential_revoked)")
	r.wantDead(t, mine)
	again := r.mint(t, r.orders.Client, "shared", nil)
	r.wantAlive(t, again)

	var floors []any
	for range 2 { // all of them, and the contract goes on
		floors = append(floors, r.write(t, "roles/shared/revoke", nil)["floor"])
		r.wantDead(t, theirs)
		r.wantDead(t, again)
	}
	if floors[0] != floors[1] || r.read(t, "roles/shared")["floor"] != floors[0] {
		t.Errorf("floors: %v", floors)
	}
	r.wantAlive(t, r.mint(t, r.orders.Client, "shared", nil))
	wantRefused(t, write(r.Client, "roles/nosuch/revoke", nil), 404, `there is no contract "nosuch"`)
}

// A compromised key leaves the JWKS at once and takes along what it signed.
func TestKeyRevoke(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	r.write(t, "keys/shared", nil)
	r.contract(t, "compromised", fields{"credential": fields{"key": "shared"}})
	r.contract(t, "unharmed", nil)
	c, other := r.mint(t, r.orders.Client, "compromised", nil), r.mint(t, r.orders.Client, "unharmed", nil)
	r.wantAlive(t, c)
	for range 2 {
		r.write(t, "keys/shared/revoke", fields{"kid": c.KeyID})
		if r.published(t, c.KeyID) {
			t.Error("the compromised key is in the JWKS")
		}
		if r.deadInFeed(t, c) == "" || r.introspect(t, c.Token)["active"] != false {
			t.Error("what the compromised key signed is alive")
		}
	}
	_, err := r.Client.Sys().Renew(c.Lease, 0)
	wantRefused(t, err, 400, "(credential_revoked)")
	r.wantDead(t, c)
	r.wantAlive(t, other)
	next := r.mint(t, r.orders.Client, "compromised", nil)
	if next.KeyID == c.KeyID {
		t.Error("the compromised key still signs")
	}
	r.wantAlive(t, next)
}

// Everything can be taken apart while credentials live: they are dead, and their leases still end in peace.
func TestRevokeAfterDeletion(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	r.write(t, "keys/own", nil)
	id := r.contract(t, "orders-to-payments", fields{"credential": fields{"key": "own"}})
	c, d := r.mint(t, r.orders.Client, "orders-to-payments", nil), r.mint(t, r.orders.Client, "orders-to-payments", nil)

	wantRefused(t, remove(r.Client, "services/payments"), 400, `service "payments" is used by 1 contracts: orders-to-payments`)
	wantRefused(t, remove(r.Client, "keys/own"), 400, `key "own" is used by 1 contracts: orders-to-payments`)
	for _, path := range []string{"roles/orders-to-payments", "services/payments", "keys/own"} {
		r.delete(t, path)
		r.delete(t, path)
		r.wantDead(t, c)
	}
	for range 2 {
		wantDone(t, r.Client.Sys().Revoke(c.Lease))
		r.write(t, "revoke", fields{"token": d.Token})
	}
	_, err := r.Client.Sys().Renew(d.Lease, 0)
	wantRefused(t, err, 400, "was deleted (credential_revoked)")
	r.wantDead(t, c)
	r.wantDead(t, d)

	// A contract of the same name is another contract.
	r.service(t, "payments", nil)
	if again := r.contract(t, "orders-to-payments", nil); again == id {
		t.Errorf("the new contract has the id of the old one: %s", id)
	}
	if fresh := r.mint(t, r.orders.Client, "orders-to-payments", nil); fresh.Ramp.Serial != 0 {
		t.Errorf("the new contract starts with serial %d", fresh.Ramp.Serial)
	}
	r.wantDead(t, c)
}

// vault secrets disable revokes every lease, and nothing of the old mount is valid in a new one.
func TestSecretsDisable(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	var held []creds
	for range 3 {
		held = append(held, r.mint(t, r.orders.Client, "orders-to-payments", nil))
	}
	for range 2 {
		r.vault(t, r.RootToken, "secrets", "disable", "ramp")
	}
	for _, c := range held {
		_, err := r.Client.Sys().Lookup(c.Lease)
		wantRefused(t, err, 400, "invalid lease")
	}
	resp, err := r.As("").Logical().ReadRaw("ramp/.well-known/jwks.json")
	if answer := (*api.ResponseError)(nil); !errors.As(err, &answer) {
		t.Errorf("the keys are still published: %v", err)
	}
	if resp != nil {
		resp.Body.Close()
	}
	r.MountConfigured("ramp")
	for _, c := range held {
		if r.introspect(t, c.Token)["active"] != false || r.published(t, c.KeyID) {
			t.Errorf("%s is active in the new mount", c.ID)
		}
	}
}
