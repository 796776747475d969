package verify

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"time"
)

// prove checks that the caller has the key that a token is bound to.
func (v *Verifier) prove(raw string, o *opened, shown *PossessionProof, now time.Time) error {
	if o.confirm.X5T != "" && !same(o.confirm.X5T, certificateThumbprint(shown.Certificate)) {
		if shown.Certificate == nil {
			return refuse(Proof, "the token is bound to a client certificate, and the caller showed none")
		}
		return refuse(Proof, "the token is bound to another client certificate than the caller's")
	}
	switch {
	case o.confirm.JKT != "" && len(shown.DPoP) == 0:
		return refuseDPoP("the token is bound to a key: send it as Authorization: DPoP <token>, with a proof in the DPoP header")
	case o.confirm.JKT == "" && len(shown.DPoP) > 0:
		return refuseDPoP("the token is not bound to a key, so a DPoP proof proves nothing: send it as Authorization: Bearer <token>")
	case o.confirm.JKT != "":
		return v.proveDPoP(raw, o.confirm.JKT, shown, now)
	}
	return nil
}

// certificateThumbprint is x5t#S256 of RFC 8705 section 3.1, "" without a certificate.
func certificateThumbprint(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	sum := sha256.Sum256(c.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
