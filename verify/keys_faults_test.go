package verify_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// Keys that cannot be read are good for an hour, and a log line says so.
func TestKeysCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct{ document, says string }{
		"a login page": {"<html>Sign in</html>", "the answer is not a JWKS"},
		"no keys":      {`{"keys":[]}`, "the JWKS has no key that ramp tokens are signed with"},
		"a secret key": {`{"keys":[{"kty":"oct","kid":"x","alg":"HS256","k":"c2VjcmV0"}]}`, "the JWKS has no key that ramp tokens are signed with"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFaulty(t)
			ahead, config := aheadOf(f)
			v := newVerifier(t, f.Issuer, config)
			raw := f.Issue(verifytest.Token{TTL: 10 * time.Hour, Expiry: true})
			f.setKeys(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { message(w, c.document) })
			ahead.Store(int64(2 * time.Minute))
			eventually(t, "the reason", func() bool { return f.has(c.says + "; every token will be refused in 5") })
			if err := second(v.Verify(t.Context(), raw, verify.Requirements{})); err != nil {
				t.Error(err)
			}
			ahead.Store(int64(2 * time.Hour))
			eventually(t, "tokens to be refused", func() bool { return reason(second(v.Verify(t.Context(), raw, verify.Requirements{}))) == verify.Stale })
			eventually(t, "the consequence", func() bool { return f.has("every token is refused from now on") })
			f.setKeys(nil)
			eventually(t, "recovery", func() bool { return second(v.Verify(t.Context(), raw, verify.Requirements{})) == nil })
		})
	}
}

// With the keys of another issuer nothing is accepted.
func TestKeysOfAnotherIssuer(t *testing.T) {
	f, other := newFaulty(t), verifytest.New(t)
	ahead, config := aheadOf(f)
	v := newVerifier(t, f.Issuer, config)
	raw := f.Issue(verifytest.Token{TTL: 10 * time.Hour, Expiry: true})
	f.setKeys(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(w, r, other.URL+"/.well-known/jwks.json", http.StatusFound)
	})
	ahead.Store(int64(2 * time.Minute))
	eventually(t, "tokens to be refused", func() bool {
		return reason(second(v.Verify(t.Context(), raw, verify.Requirements{}))) == verify.UnknownKey
	})
	eventually(t, "the reason", func() bool { return f.has("a key that the issuer does not publish") })
	f.setKeys(nil)
	eventually(t, "recovery", func() bool { return second(v.Verify(t.Context(), raw, verify.Requirements{})) == nil })
}

// Keys that are slow to come do not delay revocations.
func TestSlowKeys(t *testing.T) {
	f := newFaulty(t)
	ahead, config := aheadOf(f)
	v := newVerifier(t, f.Issuer, config)
	asked := make(chan struct{}, 100)
	f.setKeys(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		asked <- struct{}{}
		<-r.Context().Done()
	})
	ahead.Store(int64(2 * time.Minute))
	<-asked
	raw := f.Issue(verifytest.Token{})
	f.Revoke(raw)
	eventually(t, "the revocation", func() bool {
		return reason(second(v.Verify(t.Context(), raw, verify.Requirements{}))) == verify.Revoked
	})
	if f.has("keys of the issuer") {
		t.Error("the keys came first")
	}
}

// When the key of the feed is replaced at once, its first message brings the new key.
func TestKeyOfTheFeedIsReplaced(t *testing.T) {
	f := newFaulty(t)
	v := newVerifier(t, f.Issuer, f.config)
	raw := f.Issue(verifytest.Token{})
	f.RevokeKey()
	eventually(t, "the revocation", func() bool {
		return reason(second(v.Verify(t.Context(), raw, verify.Requirements{}))) == verify.Revoked
	})
	if err := second(v.Verify(t.Context(), f.Issue(verifytest.Token{}), verify.Requirements{})); err != nil {
		t.Error(err)
	}
}
