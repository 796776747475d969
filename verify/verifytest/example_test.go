package verifytest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// newService is what you test.
func newService(v *verify.Verifier) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /invoices/{id}", v.Handler(http.NotFoundHandler(), "invoices:read"))
	return mux
}

// A test of a service, with an issuer of its own and real tokens.
func TestService(t *testing.T) {
	issuer := verifytest.New(t)
	verifier, err := verify.New(t.Context(), verify.Config{Issuer: issuer.URL, Audience: verifytest.DefaultAudience})
	if err != nil {
		t.Fatal(err)
	}
	defer verifier.Close()
	service := newService(verifier)
	get := func(token string) int {
		r := httptest.NewRequest(http.MethodGet, "/invoices/7", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		service.ServeHTTP(w, r)
		return w.Code
	}

	token := issuer.Issue(verifytest.Token{Caller: "e-orders", Scopes: []string{"invoices:read"}})
	if got := get(token); got != http.StatusNotFound {
		t.Errorf("accepted callers get %d", got)
	}
	if got := get(issuer.Issue(verifytest.Token{Scopes: []string{"invoices:write"}})); got != http.StatusForbidden {
		t.Errorf("without the scope they get %d", got)
	}
	issuer.Revoke(token)
	for deadline := time.Now().Add(10 * time.Second); get(token) != http.StatusUnauthorized; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("revoked, and still accepted")
		}
	}
}
