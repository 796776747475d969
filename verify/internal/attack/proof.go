package attack

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// bound issues a token that is bound to the caller's key.
func (w *World) bound() string { return w.Issuer.Issue(verifytest.Token{JKT: thumbprint(w.caller)}) }

// dpop are the headers of a request with a token and proofs.
func dpop(raw string, proofs ...string) http.Header {
	return http.Header{"Authorization": {"DPoP " + raw}, "Dpop": proofs}
}

// proof of a key for a request (RFC 9449 section 4.2), with changes to header
// and claims: nil removes a member.
func (w *World) proof(k key, raw string, to Target, header, claims map[string]any) string {
	return w.signProof(k, w.proofHeader(k, header), w.proofClaims(raw, to, claims))
}

func (w *World) signProof(k key, header, claims string) string {
	return w.signWith(k, encode(header)+"."+encode(claims))
}

func (w *World) proofHeader(k key, changes map[string]any) string {
	return encoded(changed(map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": public(k)}, changes))
}

func (w *World) proofClaims(raw string, to Target, changes map[string]any) string {
	ath := sha256.Sum256([]byte(raw))
	return encoded(changed(map[string]any{"jti": rand.Text(), "htm": to.Method, "htu": to.URL, "iat": time.Now().Unix(), "ath": encode(string(ath[:]))}, changes))
}

func public(k key) jose.JSONWebKey { return jose.JSONWebKey{Key: k.Public()} }

// thumbprint is the jkt of RFC 9449 section 6.1.
func thumbprint(k key) string {
	jwk := public(k)
	sum, _ := jwk.Thumbprint(crypto.SHA256)
	return encode(string(sum))
}
