package e2e_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// Eight clients mint and revoke while the plugin is killed again and again, and then Vault itself. No serial comes
// twice, nothing dead comes back, and whatever a client holds can be renewed and revoked.
func TestKillUnderLoad(t *testing.T) {
	t.Parallel()
	r := newRig(t, vaulttest.WithRaft())
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	dead, kids := r.condemn(t), r.kids(t)
	cursor := r.feed(t, "").Cursor

	callers := r.callers(8)
	h := graze(t, len(callers),
		func(i int) (creds, error) { return r.tryMint(callers[i], "orders-to-payments", nil) },
		func(_ int, lease string) error { return revokeNow(r.Client, lease) })
	unharmed := func(killed string) {
		t.Helper()
		h.grow(t, 100)
		dead.wantDead(t, r)
		if now := r.kids(t); !slices.Equal(now, kids) {
			t.Errorf("after %s was killed the keys are %v, before %v", killed, now, kids)
		}
		now := r.feed(t, "").Cursor
		if now <= cursor {
			t.Errorf("after %s was killed the feed stands at %d, before at %d", killed, now, cursor)
		}
		cursor = now
	}
	h.grow(t, 100)
	for range 3 {
		r.KillPlugin()
		unharmed("the plugin")
	}
	for range 2 {
		r.Kill()
		r.Restart()
		unharmed("Vault")
	}
	h.rest()
	t.Logf("%d held, %d revoked, %d in doubt, %d failures", len(h.held), len(h.revoked), len(h.doubtful), len(h.failures))
	if len(h.failures) == 0 {
		t.Error("nobody noticed that Vault was killed")
	}
	h.wantHonoured(t, r)
	dead.wantDead(t, r)
}

// renewable reports, as an error, when a lease can be renewed and should not, or the other way round.
func renewable(r *rig, c creds, want bool) error {
	_, err := r.orders.Client.Sys().Renew(c.Lease, 0)
	if want != (err == nil) {
		return fmt.Errorf("should be possible: %t, and the answer is %w", want, err)
	}
	return nil
}
