package journal_test

import (
	"context"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/journal"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// Credentials are issued, leases come back, storage fails before or after it
// has written, and the process dies, in any order. In the end, when every lease
// has come back, every credential is in the ledger once, every revocation that
// was answered is, and no checkpoint that was ever seen is contradicted.
func TestNothingIsLostAndNothingTwice(t *testing.T) {
	recovered := 0
	rapid.Check(t, func(t *rapid.T) {
		r := newRig(t)
		type lease struct {
			jti string
			at  journal.Position
		}
		var leases, again []lease // again: those whose revocation failed
		var issued, revoked []string
		var seen []ledger.Checkpoint
		ctx := context.Background()
		rebuild := func(l lease) func() ledger.Entry {
			return func() ledger.Entry { recovered++; return r.entry(ledger.Issue, l.jti) }
		}
		see := func() {
			if log, err := r.Log(ctx); err == nil {
				cp, _ := log.Checkpoint()
				seen = append(seen, cp)
			}
		}
		// end is what Vault does when a lease ends.
		end := func(l lease) error {
			if err := r.Settle(ctx, l.at, false, rebuild(l)); err != nil {
				return err
			}
			if err := r.Record(ctx, r.entry(ledger.Revoke, l.jti)); err != nil {
				return err
			}
			return r.Settle(ctx, l.at, true, rebuild(l))
		}
		// retry is how Vault goes on: it repeats that until it succeeds, and soon.
		retry := func() (err error) {
			failed := again
			again = nil
			for _, l := range failed {
				if e := end(l); e != nil {
					again, err = append(again, l), e
				} else {
					revoked = append(revoked, l.jti)
				}
			}
			return err
		}
		t.Repeat(map[string]func(*rapid.T){
			"issue": func(t *rapid.T) {
				_ = retry() // before a thousand other entries come
				for range rapid.IntRange(1, 300).Draw(t, "credentials") {
					l := lease{jti: fmt.Sprint(len(issued))}
					var err error
					if l.at, err = r.Add(ctx, r.entry(ledger.Issue, l.jti)); err != nil {
						return // nothing leaves
					}
					issued = append(issued, l.jti)
					leases = append(leases, l)
				}
			},
			"flush": func(*rapid.T) { _ = r.Flush(ctx); see() },
			"renew": func(t *rapid.T) {
				if len(leases) > 0 {
					l := rapid.SampledFrom(leases).Draw(t, "lease")
					_ = r.Settle(ctx, l.at, false, rebuild(l))
				}
			},
			"revoke": func(t *rapid.T) {
				if len(leases) == 0 {
					return
				}
				i := rapid.IntRange(0, len(leases)-1).Draw(t, "lease")
				again = append(again, leases[i])
				leases = append(leases[:i:i], leases[i+1:]...)
				_ = retry()
			},
			"deny": func(t *rapid.T) {
				_ = r.Deny(ctx, ledger.Entry{Time: r.now, Type: ledger.Denial, Caller: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "caller"), Code: "x"})
			},
			"fault": func(t *rapid.T) {
				countdown, happens := rapid.IntRange(1, 6).Draw(t, "change"), rapid.Bool().Draw(t, "happens")
				r.disk.fail = func() (bool, bool) {
					if countdown--; countdown == 0 {
						return happens, true
					}
					return true, false
				}
			},
			"crash":  func(*rapid.T) { r.start() },
			"forget": func(*rapid.T) { r.Forget() },
			"stop": func(*rapid.T) {
				_ = r.Close(ctx)
				r.start()
			},
		})
		r.disk.fail = nil
		if err := retry(); err != nil {
			t.Fatal(err)
		}
		for _, l := range leases {
			if err := end(l); err != nil {
				t.Fatal(err)
			}
			revoked = append(revoked, l.jti)
		}
		r.start()
		times := map[string]int{}
		for _, e := range r.entries(seen...) {
			times[e.Type+e.JTI]++
		}
		for _, jti := range issued {
			if times[ledger.Issue+jti] != 1 {
				t.Fatalf("credential %s was issued %d times, says the ledger", jti, times[ledger.Issue+jti])
			}
		}
		for _, jti := range revoked {
			if times[ledger.Revoke+jti] != 1 {
				t.Fatalf("credential %s was revoked %d times, says the ledger", jti, times[ledger.Revoke+jti])
			}
		}
	})
	if recovered == 0 {
		t.Error("nothing was ever lost: the machine idles")
	}
}
