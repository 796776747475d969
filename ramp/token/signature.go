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
// that the key is for (RFC 7518 section 3.1, RFC 8037). These and no others:
// nothing is signed with a shared secret, or not at all.
func signed(key *jose.JSONWebKey, text string, signature []byte) bool {
	switch public := key.Key.(type) {
	case *ecdsa.PublicKey:
		return signedECDSA(public, key.Algorithm, []byte(text), signature)
	case *rsa.PublicKey:
		digest := sha256.Sum256([]byte(text))
		switch key.Algorithm {
		case "RS256":
			return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature) == nil
		case "PS256":
			return rsa.VerifyPSS(public, crypto.SHA256, digest[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
	case ed25519.PublicKey:
		return key.Algorithm == "EdDSA" && len(public) == ed25519.PublicKeySize && ed25519.Verify(public, []byte(text), signature)
	}
	return false
}

// signedECDSA takes r and s in exactly as many bytes as the curve has (RFC
// 7518 section 3.4). Zero and numbers beyond its order are no signature.
func signedECDSA(key *ecdsa.PublicKey, algorithm string, text, signature []byte) bool {
	var digest []byte
	var size int
	switch {
	case algorithm == "ES256" && key.Curve == elliptic.P256():
		sum := sha256.Sum256(text)
		digest, size = sum[:], 32
	case algorithm == "ES384" && key.Curve == elliptic.P384():
		sum := sha512.Sum384(text)
		digest, size = sum[:], 48
	case algorithm == "ES512" && key.Curve == elliptic.P521():
		sum := sha512.Sum512(text)
		digest, size = sum[:], 66
	default:
		return false
	}
	if len(signature) != 2*size {
		return false
	}
	r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
	return ecdsa.Verify(key, digest, r, s)
}
