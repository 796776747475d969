package verify_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// What callers see of a refusal: status, challenge (RFC 6750 section 3), and a
// reason; and nothing reaches the service.
func TestHandler(t *testing.T) {
	i := verifytest.New(t)
	v := newVerifier(t, i, nil)
	reached := 0
	server := httptest.NewServer(v.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached++
		id, ok := verify.FromContext(r.Context())
		if !ok {
			t.Error("no identity in the context")
			return
		}
		_, _ = io.WriteString(w, "hello "+id.Caller)
	}), "invoices:read"))
	t.Cleanup(server.Close)
	good := i.Issue(verifytest.Token{Scopes: []string{"invoices:read"}})
	for _, tc := range []struct {
		name, authorization string
		status              int
		challenge, body     string
	}{
		{"good", "Bearer " + good, 200, "", "hello e-orders"},
		{"none", "", 401, "Bearer", "refused: the request has no token"},
		{"another scheme", "Basic eDp4", 401, "Bearer", "neither Bearer nor DPoP"},
		{"junk", "Bearer junk", 401, `Bearer error="invalid_token", error_description="malformed: `, "(malformed)"},
		{"expired", "Bearer " + i.Issue(verifytest.Token{TTL: -time.Minute}), 401, `error="invalid_token", error_description="expired: `, "(expired)"},
		{"scope", "Bearer " + i.Issue(verifytest.Token{Scopes: []string{"other"}}), 403, `error="insufficient_scope", error_description="scope: `, "(scope)"},
		{"bound", "Bearer " + i.Issue(verifytest.Token{JKT: strings.Repeat("A", 43)}), 401, `DPoP algs="ES256 ES384 ES512 RS256 PS256 EdDSA", error="invalid_dpop_proof"`, "(proof)"},
		{"quotes", "Bearer " + i.Issue(verifytest.Token{Audience: `"x", error="none` + "\u2028\\"}), 401, "", ""},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/invoices", nil)
		if err != nil {
			t.Fatal(err)
		}
		if tc.authorization != "" {
			r.Header.Set("Authorization", tc.authorization)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		challenge := resp.Header.Get("WWW-Authenticate")
		if tc.name == "quotes" {
			if strings.Count(challenge, `"`) != 4 || !strings.HasPrefix(challenge, `Bearer error="invalid_token", error_description="audience: `) {
				t.Errorf("a token puts parameters into the challenge: %s", challenge)
			}
			continue
		}
		if resp.StatusCode != tc.status || !strings.Contains(string(body), tc.body) || !strings.Contains(challenge, tc.challenge) || (challenge == "") != (tc.status == 200) {
			t.Errorf("%s: %s, %q, %s", tc.name, resp.Status, challenge, body)
		}
		if tc.status != 200 && resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: a refusal may be cached", tc.name)
		}
	}
	if reached != 1 {
		t.Errorf("the service was reached %d times", reached)
	}
}

// When nobody can tell, it is not the caller's fault: 503, and no challenge.
func TestHandlerOfAStaleVerifier(t *testing.T) {
	i := verifytest.New(t)
	v := newVerifier(t, i, func(c *verify.Config) { c.MaxStaleness = time.Nanosecond })
	v.Close()
	answer := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+i.Issue(verifytest.Token{}))
	v.Handler(http.NotFoundHandler()).ServeHTTP(answer, r)
	if h := answer.Header(); answer.Code != http.StatusServiceUnavailable || h.Get("WWW-Authenticate") != "" || h.Get("Retry-After") != "1" {
		t.Errorf("%d %v %s", answer.Code, h, answer.Body)
	}
}
