package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"math/big"

	"github.com/go-jose/go-jose/v4"
)

// signed reports whether signature is the key's over text, with the algorithm
// that the key is for (RFC 7518 section 3.1, RFC 8037). These four and no
// others: nothing is signed with a shared secret, or not at all.
func signed(key *jose.JSONWebKey, text string, signature []byte) bool {
	switch public := key.Key.(type) {
	case *ecdsa.PublicKey:
		switch {
		case key.Algorithm == "ES256" && public.Curve == elliptic.P256():
			digest := sha256.Sum256([]byte(text))
			return signedECDSA(public, digest[:], signature, 32)
		case key.Algorithm == "ES384" && public.Curve == elliptic.P384():
			digest := sha512.Sum384([]byte(text))
			return signedECDSA(public, digest[:], signature, 48)
		}
	case *rsa.PublicKey:
		digest := sha256.Sum256([]byte(text))
		return key.Algorithm == "RS256" && rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature) == nil
	case ed25519.PublicKey:
		return key.Algorithm == "EdDSA" && len(public) == ed25519.PublicKeySize && ed25519.Verify(public, []byte(text), signature)
	}
	return false
}

// signedECDSA takes r and s in exactly size bytes each (RFC 7518 section 3.4).
// Zero and numbers beyond the order of the curve are no signature.
func signedECDSA(key *ecdsa.PublicKey, digest, signature []byte, size int) bool {
	if len(signature) != 2*size {
		return false
	}
	r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
	return ecdsa.Verify(key, digest, r, s)
}
