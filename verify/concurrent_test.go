package verify_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// tracked is a token, and whether the verifier has heard that it is dead.
type tracked struct {
	raw  string
	dead atomic.Bool
}

// While tokens are issued, revoked in each way and keys rotated, no call that
// begins after the feed has told accepts a dead token, and none refuses a
// token that nobody revoked.
func TestRevokingUnderLoad(t *testing.T) {
	i := verifytest.New(t)
	v := newVerifier(t, i, nil)
	const rounds = 30
	var tokens [rounds]tracked
	for n := range tokens {
		if n == rounds/2 {
			i.RotateKey("EdDSA")
		}
		tokens[n].raw = i.Issue(verifytest.Token{Contract: contractOf(n), Caller: callerOf(n)})
	}
	innocent := i.Issue(verifytest.Token{Contract: "innocent", Caller: "e-innocent"})
	var stop atomic.Bool
	var calls, dead atomic.Int64
	var load sync.WaitGroup
	for worker := range 4 {
		load.Go(func() {
			for n := worker; !stop.Load(); n++ {
				token := &tokens[n%rounds]
				known := token.dead.Load()
				_, err := v.Verify(t.Context(), token.raw, verify.Requirements{})
				switch {
				case known && err == nil:
					t.Errorf("token %d was accepted though the feed had told that it is dead", n%rounds)
				case err != nil && reason(err) != verify.Revoked:
					t.Errorf("token %d: %v", n%rounds, err)
				case known:
					dead.Add(1)
				}
				if _, err := v.Verify(t.Context(), innocent, verify.Requirements{}); err != nil {
					t.Errorf("an innocent token: %v", err)
				}
				calls.Add(1)
			}
		})
	}
	start := v.Stats().FeedCursor
	for n := range tokens {
		switch n % 3 {
		case 0:
			i.Revoke(tokens[n].raw)
		case 1:
			i.RevokeContract(contractOf(n))
		case 2:
			i.SuspendCaller(callerOf(n))
		}
		eventually(t, "the feed", func() bool { return v.Stats().FeedCursor > start+uint64(n) })
		tokens[n].dead.Store(true)
	}
	enough := dead.Load() + 500
	eventually(t, "calls with dead tokens", func() bool { return dead.Load() > enough || t.Failed() })
	stop.Store(true)
	load.Wait()
	t.Logf("%d calls, %d with a token known to be dead", calls.Load(), dead.Load())
}

func contractOf(n int) string { return "contract" + strconv.Itoa(n) }
func callerOf(n int) string   { return "e-" + strconv.Itoa(n) }
