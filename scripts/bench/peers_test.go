//go:build bench

package bench

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	jwx "github.com/lestrrat-go/jwx/v3/jwt"
)

// peer is what other libraries need to accept the tokens of an issuer.
type peer struct {
	algorithm, kid   string
	public           crypto.PublicKey
	issuer, audience string
}

// signature is the bare check of a signature with the standard library.
func (p *peer) signature(raw string) error {
	at := strings.LastIndexByte(raw, '.')
	sig, err := base64.RawURLEncoding.DecodeString(raw[at+1:])
	if err == nil && !p.signed([]byte(raw[:at]), sig) {
		err = errors.New("signature")
	}
	return err
}

func (p *peer) signed(text, sig []byte) bool {
	switch key := p.public.(type) {
	case *ecdsa.PublicKey:
		half := len(sig) / 2
		r, s := new(big.Int).SetBytes(sig[:half]), new(big.Int).SetBytes(sig[half:])
		if p.algorithm == "ES384" {
			digest := sha512.Sum384(text)
			return ecdsa.Verify(key, digest[:], r, s)
		}
		digest := sha256.Sum256(text)
		return ecdsa.Verify(key, digest[:], r, s)
	case *rsa.PublicKey:
		digest := sha256.Sum256(text)
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], sig) == nil
	case ed25519.PublicKey:
		return ed25519.Verify(key, text, sig)
	}
	return false
}

type scoped struct {
	jwt.RegisteredClaims
	ClientID string `json:"client_id"`
	Scope    string `json:"scope"`
}

func (p *peer) golangJWT() func(string) error {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{p.algorithm}), jwt.WithIssuer(p.issuer), jwt.WithAudience(p.audience), jwt.WithExpirationRequired(), jwt.WithStrictDecoding())
	return func(raw string) error {
		_, err := parser.ParseWithClaims(raw, &scoped{}, func(t *jwt.Token) (any, error) {
			if t.Header["typ"] != "at+jwt" || t.Header["kid"] != p.kid {
				return nil, errors.New("typ or kid")
			}
			return p.public, nil
		})
		return err
	}
}

func (p *peer) goOIDC() func(string) error {
	v := oidc.NewVerifier(p.issuer, &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{p.public}}, &oidc.Config{ClientID: p.audience, SupportedSigningAlgs: []string{p.algorithm}})
	return func(raw string) error {
		if err := typed(raw); err != nil {
			return err
		}
		token, err := v.Verify(context.Background(), raw)
		if err != nil {
			return err
		}
		var claims scoped
		return token.Claims(&claims)
	}
}

func (p *peer) jwx(t *testing.T) func(string) error {
	key, err := jwk.Import(p.public)
	if err != nil {
		t.Fatal(err)
	}
	algorithm, ok := jwa.LookupSignatureAlgorithm(p.algorithm)
	if !ok {
		t.Fatal(p.algorithm)
	}
	return func(raw string) error {
		if err := typed(raw); err != nil {
			return err
		}
		_, err := jwx.ParseString(raw, jwx.WithKey(algorithm, key), jwx.WithIssuer(p.issuer), jwx.WithAudience(p.audience), jwx.WithRequiredClaim("exp"))
		return err
	}
}

// typed checks typ for libraries that do not.
func typed(raw string) error {
	text, _, _ := strings.Cut(raw, ".")
	header, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	var h struct {
		Type string `json:"typ"`
	}
	if err := json.Unmarshal(header, &h); err != nil {
		return err
	}
	if h.Type != "at+jwt" {
		return errors.New("typ")
	}
	return nil
}
