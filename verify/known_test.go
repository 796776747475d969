package verify_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// steppable makes a verifier's clock one that can be stepped.
func steppable(step *atomic.Int64) func(*verify.Config) {
	return func(c *verify.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(step.Load())) }
	}
}

// A token that is known is refused when its time is over, and its being known
// gives it nothing when it is presented differently.
func TestKnownTokensAreCheckedAgain(t *testing.T) {
	i := verifytest.New(t)
	var step atomic.Int64
	v := newVerifier(t, i, steppable(&step))
	raw := i.Issue(verifytest.Token{TTL: 10 * time.Second, Scopes: []string{"invoices:read"}})
	accepted := func() error { return second(v.Verify(t.Context(), raw, verify.Requirements{})) }
	if err := accepted(); err != nil {
		t.Fatal(err)
	}
	before := v.Stats().Known
	if err := accepted(); err != nil || v.Stats().Known != before+1 {
		t.Fatalf("%v, known %d", err, v.Stats().Known)
	}
	for name, other := range map[string]string{"cut": raw[:len(raw)-1], "longer": raw + "A", "space": raw + " "} {
		if err := second(v.Verify(t.Context(), other, verify.Requirements{})); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if got := reason(second(v.Verify(t.Context(), raw, verify.Requirements{Scopes: []string{"invoices:write"}}))); got != verify.Scope {
		t.Errorf("a scope it has not: %q", got)
	}
	step.Store(int64(11 * time.Second))
	if got := reason(accepted()); got != verify.Expired {
		t.Errorf("after its end: %q", got)
	}
	if v.Stats().CachedTokens != 0 {
		t.Error("an expired token is still remembered")
	}
}

// A clock that is stepped back revives no token that has expired, and accepts
// none that is not yet valid; the issuer's signed time is believed. One that
// is stepped forward refuses, until it is right again.
func TestSteppedClock(t *testing.T) {
	i := verifytest.New(t)
	var step atomic.Int64
	v := newVerifier(t, i, steppable(&step))
	accepted := func(raw string) error { return second(v.Verify(t.Context(), raw, verify.Requirements{})) }
	expired := i.Issue(verifytest.Token{TTL: -time.Minute})
	good := i.Issue(verifytest.Token{TTL: 30 * time.Minute})

	step.Store(int64(-time.Hour))
	eventually(t, "the issuer's word", func() bool { return reason(accepted(expired)) == verify.Expired })
	if err := accepted(good); err != nil {
		t.Errorf("a good token with the clock an hour back: %v", err)
	}
	step.Store(int64(time.Hour))
	if got := reason(accepted(good)); got != verify.Expired {
		t.Errorf("with the clock an hour ahead: %q", got)
	}
	long := i.Issue(verifytest.Token{TTL: 2 * time.Hour})
	eventually(t, "news that look an hour old", func() bool { return reason(accepted(long)) == verify.Stale })
	step.Store(0)
	eventually(t, "the feed", func() bool { return accepted(good) == nil })
	i.Revoke(good)
	eventually(t, "the revocation", func() bool { return reason(accepted(good)) == verify.Revoked })
	for _, by := range []time.Duration{-10 * time.Hour, 0, -time.Minute, time.Second} {
		step.Store(int64(by))
		if err := accepted(good); err == nil {
			t.Errorf("a step of %s revived a revoked token", by)
		}
	}
}

// What is not for the token to change: callers get copies.
func TestIdentitiesAreCopies(t *testing.T) {
	i := verifytest.New(t)
	v := newVerifier(t, i, nil)
	raw := i.Issue(verifytest.Token{Scopes: []string{"invoices:read"}})
	for range 3 {
		id, err := v.Verify(t.Context(), raw, verify.Requirements{Scopes: []string{"invoices:read"}})
		if err != nil || id.Caller != "e-orders" || len(id.Scopes) != 1 || id.Scopes[0] != "invoices:read" {
			t.Fatalf("%+v %v", id, err)
		}
		id.Caller, id.Scopes[0], id.Expiry = "admin", "admin", time.Time{}
		id.Scopes = append(id.Scopes, "admin")
	}
	err := second(v.Verify(t.Context(), raw, verify.Requirements{Scopes: []string{"admin"}}))
	if reason(err) != verify.Scope {
		t.Fatal(err)
	}
	verify.RefusalOf(err).Identity.Scopes[0] = "admin"
	if got := reason(second(v.Verify(t.Context(), raw, verify.Requirements{Scopes: []string{"admin"}}))); got != verify.Scope {
		t.Errorf("%q", got)
	}
}

// Only what is good gets in: whoever has no token cannot fill the cache.
func TestRefusedTokensAreNotRemembered(t *testing.T) {
	i, stranger := verifytest.New(t), verifytest.New(t)
	v := newVerifier(t, i, nil)
	revoked := i.Issue(verifytest.Token{})
	i.Revoke(revoked)
	eventually(t, "the revocation", func() bool {
		return reason(second(v.Verify(t.Context(), revoked, verify.Requirements{}))) == verify.Revoked
	})
	for _, raw := range []string{
		"", "a.b.c", revoked, stranger.Issue(verifytest.Token{}), i.Issue(verifytest.Token{Audience: "https://billing.internal"}),
		i.Issue(verifytest.Token{TTL: -time.Minute}), i.Issue(verifytest.Token{NotBefore: time.Now().Add(time.Minute)}),
	} {
		for range 2 {
			if err := second(v.Verify(t.Context(), raw, verify.Requirements{})); err == nil {
				t.Errorf("accepted %s", raw)
			}
		}
	}
	if s := v.Stats(); s.CachedTokens > 1 || s.Accepted > 1 { // the one that was revoked, before the feed told
		t.Errorf("%+v", s)
	}
}
