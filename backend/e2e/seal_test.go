package e2e_test

import (
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// A follower waits a second for news and no longer, so whatever has to wait for the followers waits that long. It
// should be done in two seconds; on a machine with other things to do it is given ten before the test fails.
const longWait = 10 * time.Second

// Two hundred followers wait for news all the time, and neither seal nor reload has to wait long for them.
func TestSealWithFollowers(t *testing.T) {
	t.Parallel()
	r := newRig(t, vaulttest.WithRaft())
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	c := r.mint(t, r.orders.Client, "orders-to-payments", nil)

	f := r.gather(t, 200)
	f.leastIdle()
	f.wantAnswers(t, 2)
	if idle := f.leastIdle(); idle < 600*time.Millisecond {
		t.Errorf("a follower was answered after %s though there was no news", idle)
	}
	if err := revokeNow(r.Client, c.Lease); err != nil {
		t.Fatal(err)
	}
	news := r.feed(t, "").Cursor
	f.wantAt(t, news)

	took(t, "plugin reload", func() {
		r.Write("sys/plugins/reload/backend", fields{"plugin": vaulttest.PluginName})
	})
	f.wantAt(t, news+1) // of a new epoch
	took(t, "seal", r.Seal)
	r.Unseal()
	f.wantAnswers(t, 2)
	r.wantDead(t, c)
}

func took(t *testing.T, what string, do func()) {
	t.Helper()
	start := time.Now()
	do()
	took := time.Since(start)
	t.Logf("%s with 200 waiting followers took %s", what, took.Round(time.Millisecond))
	if took > longWait {
		t.Errorf("%s took %s", what, took)
	}
}

// More followers than may wait: some are answered at once, none is refused, and everybody hears the news.
func TestMoreFollowersThanMayWait(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	c := r.mint(t, r.orders.Client, "orders-to-payments", nil)

	f := r.gather(t, 1100) // 1024 may wait
	f.wantAnswers(t, 1)
	f.leastIdle()
	eventually(t, "a follower that need not wait", func() bool { return f.leastIdle() < 900*time.Millisecond })
	if err := revokeNow(r.Client, c.Lease); err != nil {
		t.Fatal(err)
	}
	f.wantAt(t, r.feed(t, "").Cursor)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refused > 0 {
		t.Errorf("%d requests were refused", f.refused)
	}
}
