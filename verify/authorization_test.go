package verify_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

// FuzzAuthorization: a request has one token or none, and what is taken for it
// is all that the header says after the scheme.
func FuzzAuthorization(f *testing.F) {
	for _, seed := range []string{"", "Bearer a.b.c", "bearer a.b.c", "DPoP a.b.c", "Bearer", "Bearer a,b", "Bearer  a", "Basic eDp4", "Bearer a.b.c ", "\tBearer a", "BEARER é"} {
		f.Add(seed, "", "")
		f.Add(seed, seed, "proof")
	}
	f.Fuzz(func(t *testing.T, first, second, proof string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://payments.internal/x", nil)
		r.Header["Authorization"] = []string{first}
		if second != "" {
			r.Header["Authorization"] = append(r.Header["Authorization"], second)
		}
		if proof != "" {
			r.Header["Dpop"] = []string{proof}
		}
		raw, need, err := verify.FromRequest(r, "")
		if err != nil {
			var refusal *verify.Refusal
			if !errors.As(err, &refusal) || raw != "" {
				t.Fatalf("%q: %q %v", first, raw, err)
			}
			refusal.WriteHTTP(httptest.NewRecorder())
			return
		}
		scheme, rest, _ := strings.Cut(first, " ")
		if second != "" || raw == "" || raw != rest || strings.ContainsAny(raw, " ,\t") {
			t.Fatalf("%q and %q: token %q", first, second, raw)
		}
		if isDPoP := strings.EqualFold(scheme, "dpop"); isDPoP != (len(need.Proof.DPoP) == 1) || !isDPoP && !strings.EqualFold(scheme, "bearer") {
			t.Fatalf("%q with proof %q: %+v", first, proof, need.Proof)
		}
	})
}
