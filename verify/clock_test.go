package verify_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	ramptoken "github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// wallClock is a clock that somebody sets, without a monotonic reading.
type wallClock struct{ ahead atomic.Int64 }

func (c *wallClock) now() time.Time { return time.Now().Round(0).Add(time.Duration(c.ahead.Load())) }

// A clock stepped back revives no token, and hides neither what is revoked nor that the feed is gone.
func TestClockSteppedBack(t *testing.T) {
	f := newFaulty(t)
	var clock wallClock
	v := newVerifier(t, f.Issuer, func(c *verify.Config) { f.config(c); c.Now = clock.now })
	expired, live := f.Issue(verifytest.Token{TTL: -time.Minute, Expiry: true}), f.Issue(verifytest.Token{})
	clock.ahead.Store(-int64(2 * time.Hour))
	cursor := v.Stats().FeedCursor
	f.Revoke(f.Issue(verifytest.Token{}))
	eventually(t, "the feed", func() bool { return v.Stats().FeedCursor > cursor })
	if got := reason(second(v.Verify(t.Context(), expired, verify.Requirements{}))); got != verify.Expired {
		t.Errorf("an expired token: %q", got)
	}
	if err := second(v.Verify(t.Context(), live, verify.Requirements{})); err != nil {
		t.Error(err)
	}
	f.SetDown(true)
	eventually(t, "tokens to be refused", func() bool { return reason(second(v.Verify(t.Context(), live, verify.Requirements{}))) == verify.Stale })
}

// A clock stepped forward refuses, says why, and heals when it is put right.
func TestClockSteppedForward(t *testing.T) {
	f := newFaulty(t)
	var clock wallClock
	v := newVerifier(t, f.Issuer, func(c *verify.Config) { f.config(c); c.Now = clock.now })
	live, expiry := f.Issue(verifytest.Token{}), f.Issue(verifytest.Token{Expiry: true})
	clock.ahead.Store(int64(10 * time.Minute))
	eventually(t, "tokens to be refused", func() bool { return reason(second(v.Verify(t.Context(), live, verify.Requirements{}))) == verify.Stale })
	eventually(t, "the reason", func() bool { return f.has("the clocks of issuer and verifier disagree") })
	if err := second(v.Verify(t.Context(), expiry, verify.Requirements{})); err != nil {
		t.Error(err)
	}
	clock.ahead.Store(0)
	eventually(t, "recovery", func() bool { return second(v.Verify(t.Context(), live, verify.Requirements{})) == nil })
}

// A clock that is behind takes a replayed message for news only as long as time stands still.
func TestReplayToAClockThatIsBehind(t *testing.T) {
	f := newFaulty(t)
	v := newVerifier(t, f.Issuer, func(c *verify.Config) {
		f.config(c)
		c.Now = func() time.Time { return time.Now().Add(-time.Hour) }
	})
	live := f.Issue(verifytest.Token{})
	same := f.Sign(ramptoken.TypeFeed, revocation.Feed{Issuer: f.URL, IssuedAt: time.Now().Unix(), Cursor: 1 << 32, After: 1 << 32})
	f.set(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		time.Sleep(100 * time.Millisecond)
		message(w, same)
	})
	eventually(t, "tokens to be refused", func() bool { return reason(second(v.Verify(t.Context(), live, verify.Requirements{}))) == verify.Stale })
}
