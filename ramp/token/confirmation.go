package token

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// ConfirmJKT binds to a key by its JWK SHA-256 thumbprint (RFC 9449).
func ConfirmJKT(jkt string) (*Confirmation, error) {
	sum, err := decodeBase64(jkt)
	if err != nil || len(sum) != sha256.Size {
		return nil, errors.New("dpop_jkt must be a JWK SHA-256 thumbprint in base64url without padding: 43 characters (RFC 7638)")
	}
	return &Confirmation{JKT: jkt}, nil
}

// ConfirmKey binds to a public key, given as a JWK or as a PEM "PUBLIC KEY",
// or to a PEM "CERTIFICATE" (RFC 8705).
func ConfirmKey(text string) (*Confirmation, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "{") {
		var key jose.JSONWebKey
		if err := key.UnmarshalJSON([]byte(text)); err != nil || !key.Valid() {
			return nil, errors.New("public_key is not a valid JWK")
		}
		if !key.IsPublic() {
			return nil, errors.New("public_key is a private key: keep it, send the public half, and consider this one disclosed")
		}
		return confirmJWK(key)
	}
	block, rest := pem.Decode([]byte(text))
	if block == nil || len(strings.TrimSpace(string(rest))) > 0 {
		return nil, errors.New("public_key must be one JWK, one PEM PUBLIC KEY or one PEM CERTIFICATE")
	}
	switch block.Type {
	case "CERTIFICATE":
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return nil, errors.New("public_key is not a valid certificate")
		}
		sum := sha256.Sum256(block.Bytes)
		return &Confirmation{X5T: base64.RawURLEncoding.EncodeToString(sum[:])}, nil
	case "PUBLIC KEY":
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, errors.New("public_key is not a valid PEM public key")
		}
		return confirmJWK(jose.JSONWebKey{Key: key})
	}
	return nil, errors.New("public_key has PEM type " + block.Type + "; use PUBLIC KEY or CERTIFICATE")
}

func confirmJWK(key jose.JSONWebKey) (*Confirmation, error) {
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, errors.New("public_key is of a kind that has no JWK thumbprint; use an EC, RSA or Ed25519 key")
	}
	return &Confirmation{JKT: base64.RawURLEncoding.EncodeToString(sum)}, nil
}
