package e2e_test

import (
	"slices"
	"testing"

	"github.com/hashicorp/vault/api"
)

// condemned is credentials that died, each in another way.
type condemned struct {
	listed   []creds // their status bit is set
	unlisted []creds // their key left the JWKS or their caller was suspended: the feed says it for all of those at once
}

// condemn mints credentials by contracts of their own and kills them in every way but that of service payments.
func (r *rig) condemn(t *testing.T) *condemned {
	t.Helper()
	batch := r.AppRole("batch", "caller")
	mint := func(name string, client *api.Client, terms fields) creds {
		t.Helper()
		r.contract(t, name, terms)
		return r.mint(t, client, name, nil)
	}

	lease := mint("by-lease", r.orders.Client, nil)
	if err := revokeNow(r.Client, lease.Lease); err != nil {
		t.Fatal(err)
	}
	lapse := mint("by-lapse", r.orders.Client, fields{"ttl": "1s"})
	token := mint("by-token", r.orders.Client, nil)
	r.write(t, "revoke", fields{"token": token.Token})
	floor := mint("by-floor", r.orders.Client, nil)
	r.write(t, "roles/by-floor/revoke", nil)
	deletion := mint("by-deletion", r.orders.Client, nil)
	r.delete(t, "roles/by-deletion")

	caller := mint("by-caller", batch.Client, fields{"bound_entity_ids": batch.EntityID})
	r.write(t, "callers/"+batch.EntityID+"/suspend", nil)
	r.write(t, "callers/"+batch.EntityID+"/resume", nil) // which revives nothing
	r.write(t, "keys/spare", fields{"algorithm": "ES256"})
	key := mint("by-key", r.orders.Client, fields{"credential": "key=spare"})
	r.write(t, "keys/spare/revoke", fields{"kid": key.KeyID})

	c := &condemned{[]creds{lease, lapse, token, floor, deletion}, []creds{caller, key}}
	eventually(t, "a lease to lapse", func() bool { return r.deadInFeed(t, lapse) != "" })
	c.wantDead(t, r)
	return c
}

func (c *condemned) wantDead(t *testing.T, r *rig) {
	t.Helper()
	for _, dead := range c.listed {
		r.wantDead(t, dead)
	}
	for _, dead := range c.unlisted {
		dead.Status = nil
		r.wantDead(t, dead)
	}
}

// kids are the keys that verifiers can fetch, sorted.
func (r *rig) kids(t *testing.T) []string {
	t.Helper()
	v := &slowVerifier{}
	v.fetch(t, r)
	var kids []string
	for _, key := range v.keys.Keys {
		kids = append(kids, key.KeyID)
	}
	slices.Sort(kids)
	return kids
}

// wantHonoured fails the test unless all that a herd, now at rest, was told still holds: what it was given is
// unique and verifies, lives unless it was revoked, can be renewed, and can be revoked.
func (h *herd) wantHonoured(t *testing.T, r *rig) {
	t.Helper()
	wantDistinct(t, h.minted())
	v := &slowVerifier{}
	v.fetch(t, r)
	v.verify(t, h.minted())

	known := r.known(t)
	for _, c := range h.held {
		if why := whyDead(known, c); why != "" {
			t.Errorf("%s was not revoked, yet %s", c.ID, why)
		}
	}
	for _, c := range h.revoked {
		if whyDead(known, c) == "" {
			t.Errorf("%s was revoked and lives", c.ID)
		}
	}
	forEach(t, h.held, "renew", func(c creds) error { return renewable(r, c, true) })
	forEach(t, h.revoked, "renew", func(c creds) error { return renewable(r, c, false) })
	forEach(t, h.minted(), "revoke", func(c creds) error { return revokeNow(r.Client, c.Lease) })
	known = r.known(t)
	for _, c := range h.minted() {
		if whyDead(known, c) == "" {
			t.Errorf("%s lives after all was revoked", c.ID)
		}
	}
	stuck, err := r.Client.Logical().ReadWithData("sys/leases/count", map[string][]string{"type": {"irrevocable"}})
	if err != nil || stuck.Data["lease_count"].(interface{ String() string }).String() != "0" {
		t.Errorf("irrevocable leases: %v, %v", stuck, err)
	}
}
