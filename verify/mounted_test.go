package verify_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

// A URL beside the mount is found out by who reads the error: Vault answers
// 403, as if a policy were missing.
func TestNothingIsMountedThere(t *testing.T) {
	vault := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer vault.Close()
	for url, says := range map[string]string{
		vault.URL + "/v1/rampp": "403 Forbidden, which is what Vault says of a path where nothing is mounted",
		vault.URL + "/v1/ramp/": "must not end with /",
	} {
		if _, err := verify.New(t.Context(), verify.Config{Issuer: url, Audience: "https://payments.internal"}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", url, err, says)
		}
	}
}
