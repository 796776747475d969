package attack

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/url"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// certificates are requests with a token that is bound to the certificate of
// another (RFC 8705 section 3).
func certificates() []Attack {
	var all []Attack
	add := func(name string, certificate func(w *World) *tls.Certificate, header func(w *World) http.Header) {
		all = append(all, Attack{Name: "mTLS: " + name, Reasons: []verify.Reason{verify.Proof}, Make: func(w *World, _ Target) Shot {
			shot := bearer(w.Issuer.Issue(verifytest.Token{X5T: x5t(&w.certificate)}))
			if header != nil {
				for name, values := range header(w) {
					shot.Header[name] = values
				}
			}
			if certificate != nil {
				shot.Certificate = certificate(w)
			}
			return shot
		}})
	}
	add("no certificate", nil, nil)
	add("another certificate", func(w *World) *tls.Certificate { return &w.otherCert }, nil)
	for _, name := range []string{"X-Client-Cert", "X-Ssl-Cert", "X-Forwarded-Tls-Client-Cert", "Ssl-Client-Cert", "Client-Cert", "X-Amzn-Mtls-Clientcert"} {
		add("certificate in "+name, nil, func(w *World) http.Header {
			return http.Header{name: {base64.StdEncoding.EncodeToString(w.certificate.Leaf.Raw)}}
		})
	}
	add("certificate in X-Forwarded-Client-Cert", nil, func(w *World) http.Header {
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.certificate.Leaf.Raw})
		return http.Header{"X-Forwarded-Client-Cert": {`Cert="` + url.QueryEscape(string(text)) + `"`}}
	})
	return all
}

func x5t(c *tls.Certificate) string {
	sum := sha256.Sum256(c.Leaf.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
