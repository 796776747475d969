package attack

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// World is who takes part. Make it before what is to be tested: its issuer
// publishes a key of each algorithm.
type World struct {
	// Issuer is whose tokens are accepted, for verifytest.DefaultAudience.
	Issuer *verifytest.Issuer
	// Stranger is another issuer, which nobody accepts.
	Stranger *verifytest.Issuer
	// Origin is how callers name the service: Config.Origin.
	Origin string

	tb          testing.TB
	keys        map[string]key // by algorithm
	caller      key            // that proofs are made with
	thief       key
	certificate tls.Certificate // of the caller
	otherCert   tls.Certificate
}

type key struct {
	id string
	crypto.Signer
}

// NewWorld starts the issuers; the test's end stops them. Nothing listens at
// the origin.
func NewWorld(tb testing.TB, origin string) *World {
	tb.Helper()
	w := &World{Issuer: verifytest.New(tb), Stranger: verifytest.New(tb), Origin: origin, tb: tb, keys: map[string]key{}}
	for _, algorithm := range []string{"RS256", "ES384", "EdDSA", "ES256"} { // tokens are signed with the last
		w.Issuer.RotateKey(algorithm)
		id, signer := w.Issuer.SigningKey()
		w.keys[algorithm] = key{id, signer}
	}
	w.caller, w.thief = key{Signer: newECDSA(tb)}, key{Signer: newECDSA(tb)}
	w.certificate, w.otherCert = w.newCertificate(), w.newCertificate()
	return w
}

func newECDSA(tb testing.TB) *ecdsa.PrivateKey {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return private
}

func (w *World) newCertificate() tls.Certificate {
	private := newECDSA(w.tb)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "orders"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		w.tb.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		w.tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private, Leaf: leaf}
}

// header of a token that is accepted, when signed with the key of the algorithm.
func (w *World) header(algorithm string) string {
	return fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"at+jwt"}`, algorithm, w.keys[algorithm].id)
}

// claims of a token that is accepted, once changed: nil removes a claim.
func (w *World) claims(changes map[string]any) string {
	now := time.Now().Unix()
	all := map[string]any{
		"iss": w.Issuer.URL, "sub": "spiffe://example.com/entity/e-forged", "aud": verifytest.DefaultAudience, "exp": now + 3600, "nbf": now - 30, "iat": now,
		"jti": "forged.7", "client_id": "e-forged", "scope": "invoices:read",
		"ramp": map[string]any{"contract": "forged", "id": "forged", "revision": "r1", "serial": 7},
	}
	return encoded(changed(all, changes))
}

func changed(members, changes map[string]any) map[string]any {
	for name, value := range changes {
		if members[name] = value; value == nil {
			delete(members, name)
		}
	}
	return members
}

// encoded is v in JSON. What cannot be encoded is a fault of this package.
func encoded(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// token is one that the issuer never issued, though with its signature.
func (w *World) token(changes map[string]any) string {
	return w.sign("ES256", w.header("ES256"), w.claims(changes))
}

// sign makes a compact JWS of any header and payload with the issuer's key for
// an algorithm.
func (w *World) sign(algorithm, header, payload string) string {
	return w.signWith(w.keys[algorithm], encode(header)+"."+encode(payload))
}

func (w *World) signWith(k key, input string) string {
	var sig []byte
	var err error
	switch private := k.Signer.(type) {
	case *ecdsa.PrivateKey:
		size := (private.Params().BitSize + 7) / 8
		digest := digestFor(private, input)
		r, s, e := ecdsa.Sign(rand.Reader, private, digest)
		if err = e; err == nil {
			sig = rs(r, s, size)
		}
	case *rsa.PrivateKey:
		digest := sha256.Sum256([]byte(input))
		sig, err = rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, digest[:])
	case ed25519.PrivateKey:
		sig = ed25519.Sign(private, []byte(input))
	}
	if err != nil {
		w.tb.Error(err)
	}
	return input + "." + encode(string(sig))
}

func digestFor(private *ecdsa.PrivateKey, input string) []byte {
	if private.Curve == elliptic.P384() {
		sum := sha512.Sum384([]byte(input))
		return sum[:]
	}
	sum := sha256.Sum256([]byte(input))
	return sum[:]
}

// rs is an ECDSA signature as JWS has it.
func rs(r, s *big.Int, size int) []byte {
	sig := make([]byte, 2*size)
	r.FillBytes(sig[:size])
	s.FillBytes(sig[size:])
	return sig
}

// mac signs with a shared secret that everybody knows.
func mac(secret []byte, header, payload string) string {
	input := encode(header) + "." + encode(payload)
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(input))
	return input + "." + encode(string(m.Sum(nil)))
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
