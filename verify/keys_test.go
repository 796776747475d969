package verify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// Whoever makes up kids causes one request for keys in five seconds, not one each.
func TestFloodOfUnknownKeys(t *testing.T) {
	i, stranger := verifytest.New(t), verifytest.New(t)
	f := newFront(t, i)
	v := newVerifier(t, i, f.behind(nil))
	raws := make([]string, 50)
	for n := range raws {
		stranger.RotateKey("ES256")
		raws[n] = stranger.Issue(verifytest.Token{})
	}
	before, began := f.count(".well-known"), time.Now()
	var refusals sync.WaitGroup
	for range 8 {
		refusals.Go(func() {
			for n := range 500 {
				if got := reason(second(v.Verify(t.Context(), raws[n%len(raws)], verify.Requirements{}))); got != verify.UnknownKey {
					t.Errorf("refused for %q", got)
				}
			}
		})
	}
	refusals.Wait()
	allowed := 1 + int(time.Since(began)/(5*time.Second))
	if asked := f.count(".well-known") - before; asked == 0 || asked > allowed {
		t.Errorf("4,000 tokens with 50 unknown keys in %s caused %d requests for keys, want 1 to %d", time.Since(began), asked, allowed)
	}
	if s := v.Stats(); s.CachedTokens != 0 || s.Keys != 1 {
		t.Errorf("%+v", s)
	}
}

// While the issuer does not answer, made-up kids hold up no more than a hundred
// requests.
func TestStrangersDoNotPileUp(t *testing.T) {
	i, stranger := verifytest.New(t), verifytest.New(t)
	f := newFront(t, i)
	v := newVerifier(t, i, f.behind(nil))
	answer := make(chan struct{})
	f.set(".well-known", func(body string) (int, string) { <-answer; return http.StatusOK, body })
	raw := stranger.Issue(verifytest.Token{})
	var requests sync.WaitGroup
	var refused atomic.Int64
	for range 400 {
		requests.Go(func() {
			_ = second(v.Verify(t.Context(), raw, verify.Requirements{}))
			refused.Add(1)
		})
	}
	eventually(t, "the others to be refused", func() bool { return refused.Load() >= 300 })
	if waiting := 400 - refused.Load(); waiting != 100 {
		t.Errorf("%d wait for the keys", waiting)
	}
	close(answer)
	requests.Wait()
}

// A key that signs before verifiers have heard of it, and many requests at once:
// none is refused because another asks for the key already.
func TestNewKeyUnderLoad(t *testing.T) {
	i := verifytest.New(t)
	v := newVerifier(t, i, nil)
	i.RotateKey("ES256")
	var requests sync.WaitGroup
	for range 50 {
		raw := i.Issue(verifytest.Token{})
		requests.Go(func() {
			if _, err := v.Verify(t.Context(), raw, verify.Requirements{}); err != nil {
				t.Error(err)
			}
		})
	}
	requests.Wait()
}

// ended is the context of a request whose client has left.
func ended() context.Context {
	ctx, leave := context.WithCancel(context.Background())
	leave()
	return ctx
}

// Who asks with an unknown kid and leaves cannot keep others from the new key.
func TestLeavingDoesNotEndTheFetch(t *testing.T) {
	i := verifytest.New(t)
	f := newFront(t, i)
	v := newVerifier(t, i, f.behind(nil))
	f.set("feed", func(string) (int, string) { return http.StatusServiceUnavailable, "" }) // which would tell of the key
	i.RotateKey("ES256")
	raw := i.Issue(verifytest.Token{})
	gone := ended()
	_ = second(v.Verify(gone, raw, verify.Requirements{}))
	eventually(t, "the new key", func() bool { return v.Stats().Keys == 2 })
	if _, err := v.Verify(t.Context(), raw, verify.Requirements{}); err != nil {
		t.Error(err)
	}
}

// A key that is no longer published ends its tokens with the next look at the
// keys, also those that are known.
func TestRemovedKey(t *testing.T) {
	i := verifytest.New(t)
	old := i.Issue(verifytest.Token{})
	kid, _ := i.SigningKey()
	i.RotateKey("ES256")
	fresh := i.Issue(verifytest.Token{})
	f := newFront(t, i)
	var shift atomic.Int64
	v := newVerifier(t, i, f.behind(func(c *verify.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(shift.Load())) }
		c.MaxStaleness = time.Hour
	}))
	if _, err := v.Verify(t.Context(), old, verify.Requirements{}); err != nil {
		t.Fatal(err)
	}
	f.set(".well-known", func(body string) (int, string) { return http.StatusOK, without(t, body, kid) })
	shift.Store(int64(2 * time.Minute))
	eventually(t, "the end of the key", func() bool {
		return reason(second(v.Verify(t.Context(), old, verify.Requirements{}))) == verify.UnknownKey
	})
	if _, err := v.Verify(t.Context(), fresh, verify.Requirements{}); err != nil {
		t.Errorf("a token of the other key: %v", err)
	}
}

func without(t *testing.T, jwks, kid string) string {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(jwks), &set); err != nil {
		t.Error(err)
	}
	var rest jose.JSONWebKeySet
	for _, key := range set.Keys {
		if key.KeyID != kid {
			rest.Keys = append(rest.Keys, key)
		}
	}
	text, err := json.Marshal(rest)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// Keys that are not what they say, or not for signatures, are no keys, and do
// not hide the others.
func TestKeysThatAreIgnored(t *testing.T) {
	i := verifytest.New(t)
	raw := i.Issue(verifytest.Token{})
	kid, _ := i.SigningKey()
	f := newFront(t, i)
	for name, change := range map[string]string{
		"other alg":       fmt.Sprintf(`"alg":"ES384","kid":%q,"use":"sig"`, kid),
		"HMAC":            fmt.Sprintf(`"alg":"HS256","kid":%q,"use":"sig"`, kid),
		"none":            fmt.Sprintf(`"alg":"none","kid":%q,"use":"sig"`, kid),
		"no alg":          fmt.Sprintf(`"kid":%q,"use":"sig"`, kid),
		"for encryption":  fmt.Sprintf(`"alg":"ES256","kid":%q,"use":"enc"`, kid),
		"without its kid": `"alg":"ES256","use":"sig"`,
	} {
		f.set(".well-known", func(body string) (int, string) { return http.StatusOK, replaceMembers(t, body, change) })
		_, err := verify.New(t.Context(), verify.Config{Issuer: i.URL, Audience: verifytest.DefaultAudience, Endpoints: []string{f.url}})
		if err == nil || !strings.Contains(err.Error(), "no key that ramp tokens are signed with") {
			t.Errorf("%s: %v", name, err)
		}
	}
	oct := `{"kty":"oct","alg":"HS256","kid":"x","use":"sig","k":"c2VjcmV0c2VjcmV0c2VjcmV0"}`
	f.set(".well-known", func(body string) (int, string) {
		return http.StatusOK, strings.Replace(body, `"keys":[`, `"keys":[`+oct+`,{"kty":"future","kid":"y"},`, 1)
	})
	v := newVerifier(t, i, f.behind(nil))
	if _, err := v.Verify(t.Context(), raw, verify.Requirements{}); err != nil || v.Stats().Keys != 1 {
		t.Errorf("%v, %d keys", err, v.Stats().Keys)
	}
}

// replaceMembers gives the one key of a JWKS other members beside its numbers.
func replaceMembers(t *testing.T, jwks, members string) string {
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal([]byte(jwks), &set); err != nil || len(set.Keys) != 1 {
		t.Errorf("%s: %v", jwks, err)
		return jwks
	}
	key := set.Keys[0]
	return fmt.Sprintf(`{"keys":[{"kty":%q,"crv":%q,"x":%q,"y":%q,%s}]}`, key["kty"], key["crv"], key["x"], key["y"], members)
}
