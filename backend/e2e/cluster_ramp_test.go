package e2e_test

import (
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// The next leader knows how many credentials are live and where a caller stands: no place more, no stage higher.
func TestClusterOnTheRamp(t *testing.T) {
	t.Parallel()
	c := vaulttest.StartCluster(t, 3, vaulttest.WithMount("ramp"))
	old := c.Leader()
	r := rigOn(old)
	r.service(t, "payments", fields{"scopes": "invoices:read,invoices:write,refunds"})
	terms := parsed(t, threeStages)
	terms["max_active"] = 5
	r.contract(t, "orders-to-payments", terms)
	held := r.wantGranted(t, 20, 5)
	r.write(t, "evidence/orders-to-payments", r.report("monday", 99, 0))
	r.write(t, "roles/orders-to-payments/deploy", fields{"generation": "one", "overlap": "1h"})
	eventually(t, "the time at the first stage", func() bool { return r.standing(t)["waiting"] == "1 accepted requests" })
	standby := r.through(c.Standbys()[0])
	standby.wantGranted(t, 20, 0)

	c.Kill(old)
	now := r.through(c.Leader())
	eventually(t, "the next leader to serve", func() bool {
		_, _, err := now.tryPublic("ramp/health")
		return err == nil
	})
	if at := now.standing(t); at["stage"] != "canary" {
		t.Errorf("the failover led to %v", at)
	}
	now.wantGranted(t, 20, 0)
	now.write(t, "evidence/orders-to-payments", now.report("monday", 99, 0))
	now.wantLive(t, "5")
	if at := now.standing(t); at["stage"] != "canary" {
		t.Errorf("the failover and an old report led to %v", at)
	}
	if err := revokeNow(now.Client, held[0].Lease); err != nil {
		t.Fatal(err)
	}
	now.wantGranted(t, 20, 1)

	// What the next leader decided, the old one does not undo when it comes back.
	now.write(t, "evidence/orders-to-payments", now.report("tuesday", 0, 5))
	old.Restart()
	for _, credential := range held[1:] {
		r.wantFallen(t, credential)
	}
	if at := r.standing(t); at["stage"] != "canary" {
		t.Errorf("through the old leader: %v", at)
	}
}
