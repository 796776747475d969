package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

var b64 = base64.RawURLEncoding

// issuer has one published key of each kind, and makes tokens without any
// library, so that it can also make those no library would.
type issuer struct {
	ec  *ecdsa.PrivateKey
	rsa *rsa.PrivateKey
	ed  ed25519.PrivateKey

	reader token.Reader
}

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	var i issuer
	var errs [3]error
	i.ec, errs[0] = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	i.rsa, errs[1] = rsa.GenerateKey(rand.Reader, 2048)
	_, i.ed, errs[2] = ed25519.GenerateKey(rand.Reader)
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return &i
}

// keys is what the issuer publishes.
func (i *issuer) keys(kid string) (jose.JSONWebKey, bool) {
	switch kid {
	case "ec":
		return jose.JSONWebKey{KeyID: kid, Algorithm: "ES256", Key: i.ec.Public()}, true
	case "rsa":
		return jose.JSONWebKey{KeyID: kid, Algorithm: "RS256", Key: i.rsa.Public()}, true
	case "ed":
		return jose.JSONWebKey{KeyID: kid, Algorithm: "EdDSA", Key: i.ed.Public()}, true
	}
	return jose.JSONWebKey{}, false
}

// sign makes a compact JWS of any header with the key of that kind.
func (i *issuer) sign(t testing.TB, kind, header, payload string) string {
	t.Helper()
	return i.signRaw(t, kind, b64.EncodeToString([]byte(header))+"."+b64.EncodeToString([]byte(payload)))
}

func (i *issuer) signRaw(t testing.TB, kind, input string) string {
	t.Helper()
	digest := sha256.Sum256([]byte(input))
	var sig []byte
	var err error
	switch kind {
	case "ec":
		r, s, e := ecdsa.Sign(rand.Reader, i.ec, digest[:])
		sig, err = make([]byte, 64), e
		if e == nil {
			r.FillBytes(sig[:32])
			s.FillBytes(sig[32:])
		}
	case "rsa":
		sig, err = rsa.SignPKCS1v15(rand.Reader, i.rsa, crypto.SHA256, digest[:])
	case "pss":
		sig, err = rsa.SignPSS(rand.Reader, i.rsa, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) // RFC 7518 section 3.5
	case "ed":
		sig = ed25519.Sign(i.ed, []byte(input))
	case "hmac of the public key": // the oldest trick: the key everybody knows as a shared secret
		der, e := x509.MarshalPKIXPublicKey(i.ec.Public())
		mac := hmac.New(sha256.New, der)
		mac.Write([]byte(input))
		sig, err = mac.Sum(nil), e
	}
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + b64.EncodeToString(sig)
}

const claims = `{"iss":"https://vault.example.com/v1/ramp","sub":"s","aud":"a","exp":4,"nbf":2,"iat":3,"jti":"abc.7","client_id":"e1","scope":"x y"}`

// open opens as [token.Open] and a reader do, which have to agree.
func open(i *issuer, raw string, types ...string) error {
	if types == nil {
		types = []string{token.TypeAccessToken}
	}
	h, payload, err := token.Open(raw, i.keys, types...)
	i.reader.Keys = i.keys
	for range 2 { // the header is new, then known
		header, p, e := i.reader.Open(raw, types...)
		if header != h || string(p) != string(payload) || fmt.Sprint(e) != fmt.Sprint(err) || errors.Is(e, token.ErrUnknownKey) != errors.Is(err, token.ErrUnknownKey) {
			return fmt.Errorf("a reader says %+v %q %w, Open says %+v %q %w", header, p, e, h, payload, err)
		}
	}
	return err
}
