package verify_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
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

// discloses reports whether a text has a payload or signature that was sent.
func discloses(text string, shot attack.Shot) bool {
	for _, values := range shot.Header {
		for _, value := range values {
			for n, part := range strings.Split(value, ".") {
				if n > 0 && len(part) > 20 && strings.Contains(text, part[:20]) {
					return true
				}
			}
		}
	}
	return false
}

func TestAttacks(t *testing.T) {
	w := attack.NewWorld(t, origin)
	v := newVerifier(t, w.Issuer, nil)
	to := attack.Target{Method: http.MethodGet, URL: origin + "/invoices/7"}
	for _, c := range attack.Controls() {
		if _, err := v.VerifyRequest(request(t, to, c.Make(w, to))); err != nil {
			t.Errorf("control %s: %v", c.Name, err)
		}
	}
	for _, a := range attack.Attacks() {
		shot := a.Make(w, to)
		if a.Again {
			if _, err := v.VerifyRequest(request(t, to, shot)); err != nil {
				t.Errorf("%s: the first: %v", a.Name, err)
			}
		}
		id, err := v.VerifyRequest(request(t, to, shot))
		if a.Soon {
			eventually(t, a.Name, func() bool { id, err = v.VerifyRequest(request(t, to, shot)); return err != nil })
		}
		var r *verify.Refusal
		switch {
		case err == nil:
			t.Errorf("%s: ACCEPTED as %+v", a.Name, id)
		case id != nil || !errors.As(err, &r):
			t.Errorf("%s: %+v, %v", a.Name, id, err)
		case !a.Refused(r.Reason):
			t.Errorf("%s: refused for %s, want %v: %v", a.Name, r.Reason, a.Reasons, err)
		case len(err.Error()) > 1000 || len(r.Challenge()) > 1200:
			t.Errorf("%s: the error quotes %d bytes", a.Name, len(err.Error()))
		case discloses(err.Error()+r.Challenge(), shot):
			t.Errorf("%s: the error has a part of a token: %v", a.Name, err)
		}
	}
	for _, c := range attack.Controls() {
		if _, err := v.VerifyRequest(request(t, to, c.Make(w, to))); err != nil {
			t.Errorf("control %s, after the attacks: %v", c.Name, err)
		}
	}
	t.Logf("%d attacks", len(attack.Attacks()))
}
