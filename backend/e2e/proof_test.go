package e2e_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// keyPair is a caller's key in the forms that a request may show it.
type keyPair struct {
	jwk, private, spki, certificate string
	jkt, x5t                        string // thumbprints of RFC 9449 and RFC 8705
}

func newKeyPair(t *testing.T) keyPair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	jwk := jose.JSONWebKey{Key: key}
	private, err := json.Marshal(jwk)
	if err != nil {
		t.Fatal(err)
	}
	public, err := json.Marshal(jwk.Public())
	if err != nil {
		t.Fatal(err)
	}
	thumbprint, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	return keyPair{
		jwk: string(public), private: string(private),
		spki:        string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})),
		certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		jkt:         base64.RawURLEncoding.EncodeToString(thumbprint),
		x5t:         base64.RawURLEncoding.EncodeToString(sum[:]),
	}
}

// A service that asks for proof of possession gets tokens bound to a key, or none.
func TestProofOfPossession(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	key := newKeyPair(t)
	for _, proof := range []string{"none", "dpop", "mtls"} {
		r.service(t, proof, fields{"proof": proof})
		r.contract(t, "to-"+proof, fields{"service": proof})
	}
	for _, c := range []struct {
		role      string
		params    fields
		refused   string // code of the denial
		tokenType string
		jkt, x5t  string // confirmation
	}{
		{role: "to-none", tokenType: "Bearer"},
		{role: "to-none", params: fields{"dpop_jkt": key.jkt}, tokenType: "DPoP", jkt: key.jkt},
		{role: "to-none", params: fields{"public_key": key.certificate}, tokenType: "Bearer", x5t: key.x5t},
		{role: "to-dpop", refused: "proof_required"},
		{role: "to-dpop", params: fields{"public_key": key.certificate}, refused: "proof_required"},
		{role: "to-dpop", params: fields{"dpop_jkt": key.jkt}, tokenType: "DPoP", jkt: key.jkt},
		{role: "to-dpop", params: fields{"public_key": key.jwk}, tokenType: "DPoP", jkt: key.jkt},
		{role: "to-dpop", params: fields{"public_key": key.spki}, tokenType: "DPoP", jkt: key.jkt},
		{role: "to-mtls", refused: "proof_required"},
		{role: "to-mtls", params: fields{"public_key": key.jwk}, refused: "proof_required"},
		{role: "to-mtls", params: fields{"dpop_jkt": key.jkt}, refused: "proof_required"},
		{role: "to-mtls", params: fields{"public_key": key.certificate}, tokenType: "Bearer", x5t: key.x5t},
	} {
		if c.refused != "" {
			_, err := r.tryMint(r.orders.Client, c.role, c.params)
			wantDenied(t, err, c.refused)
			continue
		}
		got := r.mint(t, r.orders.Client, c.role, c.params)
		if c.jkt == "" && c.x5t == "" {
			if got.Confirmation != nil {
				t.Errorf("%s: bound to %+v without being asked", c.role, got.Confirmation)
			}
			continue
		}
		if got.Confirmation == nil || got.Confirmation.JKT != c.jkt || got.Confirmation.X5T != c.x5t || got.Data["token_type"] != c.tokenType {
			t.Errorf("%s with %v: token type %v, confirmation %+v", c.role, c.params, got.Data["token_type"], got.Confirmation)
		}
		if answer := r.introspect(t, got.Token); answer["active"] != true || answer["token_type"] != c.tokenType {
			t.Errorf("%s: introspection says %v", c.role, answer)
		}
		// The proof is part of what a renewal decides on.
		if _, err := r.Client.Sys().Renew(got.Lease, 0); err != nil {
			t.Errorf("%s: %v", c.role, err)
		}
	}
}

func TestBadProof(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	key := newKeyPair(t)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	for name, c := range map[string]struct {
		params fields
		says   string
	}{
		"short thumbprint":    {fields{"dpop_jkt": key.jkt[:42]}, "43 characters"},
		"padded thumbprint":   {fields{"dpop_jkt": key.jkt + "="}, "without padding"},
		"both":                {fields{"dpop_jkt": key.jkt, "public_key": key.jwk}, "not both"},
		"private key":         {fields{"public_key": key.private}, "private key"},
		"not a key":           {fields{"public_key": "hello"}, "public_key must be"},
		"two certificates":    {fields{"public_key": key.certificate + key.certificate}, "one PEM CERTIFICATE"},
		"damaged certificate": {fields{"public_key": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, "not a valid certificate"},
		"private PEM":         {fields{"public_key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}, "PRIVATE KEY"},
		"symmetric JWK":       {fields{"public_key": `{"kty":"oct","k":"c2VjcmV0"}`}, "public_key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.tryMint(r.orders.Client, "orders-to-payments", c.params)
			wantRefused(t, err, 400, c.says)
		})
	}
}
