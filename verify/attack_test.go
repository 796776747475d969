package verify_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/internal/attack"
)

const origin = "https://payments.internal"

// request is a shot as it arrives at a server that ended TLS itself.
func request(t testing.TB, to attack.Target, shot attack.Shot) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), to.Method, to.URL+"?"+shot.Query, nil)
	r.Header = shot.Header
	r.TLS = &tls.ConnectionState{}
	if shot.Certificate != nil {
		r.TLS.PeerCertificates = []*x509.Certificate{shot.Certificate.Leaf}
	}
	return r
}

func TestAttacks(t *testing.T) {
	w := attack.NewWorld(t, origin)
	v := newVerifier(t, w.Issuer, nil)
	to := attack.Target{Method: http.MethodGet, URL: w.Origin + "/invoices/7"}
	attack.Run(t, w, to, func(t *testing.T, shot attack.Shot) (verify.Reason, string) {
		id, err := v.VerifyRequest(request(t, to, shot))
		if err == nil {
			return "", id.Subject
		}
		if id != nil {
			t.Errorf("an identity beside a refusal: %+v, %v", id, err)
		}
		return reason(err), err.Error() + verify.RefusalOf(err).Challenge()
	})
}
