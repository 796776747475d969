package verify_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

func BenchmarkKnownToken(b *testing.B) {
	i := verifytest.New(b)
	v := newVerifier(b, i, nil)
	raw := i.Issue(verifytest.Token{Scopes: []string{"invoices:read", "invoices:write"}})
	need := verify.Requirements{Scopes: []string{"invoices:read"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(b.Context(), raw, need); err != nil {
			b.Fatal(err)
		}
	}
}

// What a token costs that was not seen before, beside the bare check of its
// signature.
func BenchmarkFirstSight(b *testing.B) {
	for _, algorithm := range []string{"ES256", "ES384", "RS256", "EdDSA"} {
		i := verifytest.New(b)
		i.RotateKey(algorithm)
		raws := make([]string, 1024)
		for n := range raws {
			raws[n] = i.Issue(verifytest.Token{Scopes: []string{"invoices:read", "invoices:write"}})
		}
		need := verify.Requirements{Scopes: []string{"invoices:read"}}
		b.Run(algorithm, func(b *testing.B) {
			b.ReportAllocs()
			var v *verify.Verifier
			for n := 0; b.Loop(); n++ {
				if n%len(raws) == 0 { // a verifier that has seen none of them
					b.StopTimer()
					v = newVerifier(b, i, nil)
					b.StartTimer()
				}
				if _, err := v.Verify(b.Context(), raws[n%len(raws)], need); err != nil {
					b.Fatal(err)
				}
			}
		})
		_, key := i.SigningKey()
		b.Run(algorithm+"/signature alone", func(b *testing.B) {
			for n := 0; b.Loop(); n++ {
				raw := raws[n%len(raws)]
				at := strings.LastIndexByte(raw, '.')
				signature, _ := base64.RawURLEncoding.DecodeString(raw[at+1:])
				if !signed(key.Public(), raw[:at], signature) {
					b.Fatal("not signed")
				}
			}
		})
	}
}

func signed(public crypto.PublicKey, text string, signature []byte) bool {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		half := len(signature) / 2
		r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
		if half == 48 {
			digest := sha512.Sum384([]byte(text))
			return ecdsa.Verify(key, digest[:], r, s)
		}
		digest := sha256.Sum256([]byte(text))
		return ecdsa.Verify(key, digest[:], r, s)
	case *rsa.PublicKey:
		digest := sha256.Sum256([]byte(text))
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
	case ed25519.PublicKey:
		return ed25519.Verify(key, []byte(text), signature)
	}
	return false
}
