package e2e_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// The day of a workload that reads a file: its agent logs in with AppRole, renders the token, keeps its lease alive,
// replaces it before it ends, and gets over everything that happens to it.
func TestAgentAppRole(t *testing.T) {
	t.Parallel()
	r := newRig(t, vaulttest.WithRaft())
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", fields{"ttl": "6s", "max_ttl": "20s"})
	a := newAgent(t, "approle.hcl")
	a.provide(t, "role-id", r.orders.RoleID)
	a.provide(t, "secret-id", r.orders.SecretID)
	a.start(t, r.Server, "approle.hcl")

	first := a.after(t, creds{})
	a.wantPrivate(t)
	r.wantAlive(t, first)
	login, err := os.ReadFile(filepath.Join(a.run, "vault-token"))
	if err != nil {
		t.Fatal(err)
	}
	if self, err := r.As(string(login)).Auth().Token().LookupSelf(); err != nil || self.Data["entity_id"] != r.orders.EntityID {
		t.Errorf("the token in the sink is %v, %v", self, err)
	}

	// Past the end of a lease that nobody had renewed, the token is the same, and alive.
	for time.Now().Before(time.Unix(first.IssuedAt, 0).Add(8 * time.Second)) {
		time.Sleep(50 * time.Millisecond)
	}
	if now := a.token(t); now.ID != first.ID {
		t.Errorf("instead of being renewed %s was replaced by %s", first.ID, now.ID)
	}
	r.wantAlive(t, first)
	if leases := r.leases(t, "orders-to-payments"); len(leases) != 1 {
		t.Errorf("the agent holds the leases %v, want one", leases)
	} else if lookup, err := r.Client.Sys().Lookup(leases[0]); err != nil || lookup.Data["last_renewal"] == nil {
		t.Errorf("the agent's lease is %v, %v", lookup, err)
	}

	second := a.after(t, first) // before max_ttl ends
	r.wantAlive(t, second)

	// Somebody revokes the lease: Vault knows it no more.
	for _, lease := range r.leases(t, "orders-to-payments") {
		if err := revokeNow(r.Client, lease); err != nil {
			t.Fatal(err)
		}
	}
	r.wantDead(t, second)
	third := a.after(t, second)
	r.wantAlive(t, third)

	// Somebody revokes all that the contract issued: Vault knows the lease, Ramp refuses to renew it, in words that
	// make the agent give it up.
	before := r.leases(t, "orders-to-payments")
	r.write(t, "roles/orders-to-payments/revoke", nil)
	revoked := time.Now()
	r.wantDead(t, third)
	fourth := a.after(t, third)
	t.Logf("the agent held a revoked credential for %s of a ttl of 6s", time.Since(revoked).Round(time.Millisecond))
	r.wantAlive(t, fourth)
	for _, lease := range before {
		_, err := r.Client.Sys().Renew(lease, 0)
		wantRefused(t, err, 400, "(credential_revoked)", "permission denied")
	}

	// Vault restarts.
	r.Restart()
	eventually(t, "the agent to come back", func() bool {
		now := a.token(t)
		return now.Expiry > time.Now().Unix() && r.introspect(t, now.Token)["active"] == true
	})
	fifth := a.token(t)
	for _, lease := range r.leases(t, "orders-to-payments") {
		_ = revokeNow(r.Client, lease) // one that the agent has given up may be gone meanwhile
	}
	eventually(t, "a credential after the restart", func() bool { return a.token(t).ID != fifth.ID })
	all := []creds{first, second, third, fourth, fifth, a.token(t)}
	wantDistinct(t, slices.CompactFunc(all, func(a, b creds) bool { return a.ID == b.ID }))
	r.wantAlive(t, a.token(t))
	a.wantPrivate(t)
}
