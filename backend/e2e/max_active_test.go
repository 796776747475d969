package e2e_test

import (
	"encoding/json"
	"sync"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// race lets many ask at once, and returns what they got.
func (r *rig) race(t *testing.T, asks int) (granted []creds) {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	var refused []error
	start := make(chan struct{})
	for range asks {
		all.Go(func() {
			<-start
			c, err := r.tryMint(r.orders.Client, "orders-to-payments", nil)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				refused = append(refused, err)
			} else {
				granted = append(granted, c)
			}
		})
	}
	close(start)
	all.Wait()
	for _, err := range refused {
		wantDenied(t, err, "limit_active")
	}
	return granted
}

func (r *rig) wantGranted(t *testing.T, asks, want int) []creds {
	t.Helper()
	granted := r.race(t, asks)
	if len(granted) != want {
		t.Errorf("%d asked at once and %d got a credential, want %d", asks, len(granted), want)
	}
	return granted
}

func (r *rig) wantLive(t *testing.T, want string) {
	t.Helper()
	if live := r.standing(t)["live"]; live != json.Number(want) {
		t.Errorf("%v credentials are live, want %s", live, want)
	}
}

// The limit of live credentials is exact: under concurrency, across a restart, and as leases come and go.
func TestMaxActive(t *testing.T) {
	t.Parallel()
	r := newRig(t, vaulttest.WithRaft())
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", fields{"max_active": 5})
	held := r.wantGranted(t, 20, 5)
	r.wantLive(t, "5")
	other := r.AppRole("other", "caller")
	r.contract(t, "orders-to-payments", fields{"bound_entity_ids": r.orders.EntityID + "," + other.EntityID})
	r.mint(t, other.Client, "orders-to-payments", nil) // the limit is per caller

	r.Restart()
	r.wantGranted(t, 20, 0)
	for _, c := range held {
		r.wantAlive(t, c)
	}

	// Each revoked lease frees one place, a renewal takes none.
	for _, c := range held[:2] {
		if err := revokeNow(r.Client, c.Lease); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Client.Sys().Renew(held[2].Lease, 0); err != nil {
		t.Error(err)
	}
	r.wantLive(t, "3")
	again := r.wantGranted(t, 20, 2)

	// A token that is reported leaked is no longer live, though its lease goes on; revoking that later frees no other place.
	r.write(t, "revoke", fields{"token": again[0].Token})
	r.wantGranted(t, 20, 1)
	if err := revokeNow(r.Client, again[0].Lease); err != nil {
		t.Error(err)
	}
	r.wantGranted(t, 20, 0)

	// Neither does killing all at once leave places taken, also not after another restart.
	r.write(t, "roles/orders-to-payments/revoke", fields{"caller": r.orders.EntityID})
	r.Kill()
	r.Restart()
	r.wantGranted(t, 20, 5)
}

// A restart in the middle of a ramp may cost evidence. It never leads up.
func TestRestartOnTheRamp(t *testing.T) {
	t.Parallel()
	r, payments := onRamp(t, vaulttest.WithRaft())
	canary := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	eventually(t, "the time at the first stage", func() bool { return r.standing(t)["waiting"] == "100 accepted requests" })
	wantDone(t, write(payments, "evidence/orders-to-payments", r.report("monday", 99, 0)))

	r.Kill()
	r.Restart()
	if at := r.standing(t); at["stage"] != "canary" {
		t.Fatalf("99 of 100 accepted requests and a crash: %v", at)
	}
	r.wantAlive(t, canary)
	wantDone(t, write(payments, "evidence/orders-to-payments", r.report("monday", 99, 0))) // known from before the crash
	if c := r.mint(t, r.orders.Client, "orders-to-payments", nil); c.Ramp.Stage != "canary" {
		t.Errorf("the crash and an old report led to stage %q", c.Ramp.Stage)
	}

	wantDone(t, write(payments, "roles/orders-to-payments/advance", fields{"caller": r.orders.EntityID, "stage": "full"}))
	full := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	r.Kill()
	r.Restart()
	r.wantAlive(t, full)
	wantDone(t, write(payments, "evidence/orders-to-payments", r.report("tuesday", 0, 20)))
	r.Kill()
	r.Restart()
	if at := r.standing(t); at["stage"] != "half" {
		t.Errorf("a crash after the retreat leaves %v", at)
	}
	r.wantFallen(t, full)
}
