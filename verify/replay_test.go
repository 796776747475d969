package verify

import (
	"strconv"
	"testing"
	"time"
)

// When there is no room to remember a proof it is refused, and one key's
// proofs leave room for others.
func TestFullReplayCacheRefuses(t *testing.T) {
	var p proofs
	now := time.Now()
	for n := range proofsPerKey {
		if err := p.use("greedy", strconv.Itoa(n), dpopWindow, now); err != nil {
			t.Fatalf("proof %d: %v", n, err)
		}
	}
	if err := p.use("greedy", "one more", dpopWindow, now); RefusalOf(err).Reason != Proof {
		t.Errorf("beyond the limit of a key: %v", err)
	}
	if err := p.use("modest", "0", dpopWindow, now); err != nil {
		t.Errorf("another key: %v", err)
	}
	for n := 0; len(p.used) < proofsRemembered; n++ {
		if err := p.use(strconv.Itoa(n%1000), "proof "+strconv.Itoa(n), dpopWindow, now); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.use("latecomer", "0", dpopWindow, now); RefusalOf(err).Reason != Proof {
		t.Errorf("beyond the limit of all: %v", err)
	}
	if len(p.used) != proofsRemembered || len(p.order) != proofsRemembered {
		t.Errorf("%d and %d proofs are remembered, the limit is %d", len(p.used), len(p.order), proofsRemembered)
	}
	later := now.Add(dpopWindow + 1)
	if err := p.use("latecomer", "0", dpopWindow, later); err != nil {
		t.Errorf("after the others have expired: %v", err)
	}
	if len(p.used) != 1 || len(p.byKey) != 1 || len(p.order) != 1 {
		t.Errorf("%d proofs of %d keys are left", len(p.used), len(p.byKey))
	}
}

// A proof is refused as long as it could be used again, whichever others were
// used before it.
func TestProofsAreRememberedLongEnough(t *testing.T) {
	var p proofs
	now := time.Now()
	for n, good := range []time.Duration{2 * dpopWindow, 0, dpopWindow, time.Nanosecond} { // from the future, the past, now
		id := strconv.Itoa(n)
		if err := p.use("key", id, good, now); err != nil {
			t.Fatal(err)
		}
		if err := p.use("key", id, 0, now.Add(good)); err == nil {
			t.Errorf("proof %d was used twice within %s", n, good)
		}
	}
}
