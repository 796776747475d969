package token

import (
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// TypeProof is the typ of a proof that a caller has a key (RFC 9449 section 4.2).
const TypeProof = "dpop+jwt"

// ProofAlgorithms are the algorithms that proofs may be signed with.
const ProofAlgorithms = "ES256 ES384 ES512 RS256 PS256 EdDSA"

const maxProof = 8 << 10 // bytes

// RSA keys of proofs, in bits: no weaker, nor so long that they cost much.
const minRSA, maxRSA = 2048, 4096

type proofHeader struct {
	Type      string         `json:"typ"`
	Algorithm string         `json:"alg"`
	Key       jsontext.Value `json:"jwk"`
	KeyID     string         `json:"kid"` // says nothing, and does no harm
}

// OpenProof checks that raw is a compact JWS with typ dpop+jwt, signed by the
// public key in its header, and returns that key's thumbprint (RFC 7638) and
// the payload. A proof proves nothing about whose the key is.
func OpenProof(raw string) (jkt string, payload []byte, err error) {
	parts, err := split(raw, maxProof)
	if err != nil {
		return "", nil, err
	}
	text, err := decodeBase64(parts.header)
	if err != nil {
		return "", nil, fmt.Errorf("its header is %w", err)
	}
	var h proofHeader
	if err := json.Unmarshal(text, &h, json.RejectUnknownMembers(true)); err != nil {
		return "", nil, errors.New("its header is not a JSON object of typ, alg and jwk alone, each once")
	}
	if h.Type != TypeProof {
		return "", nil, fmt.Errorf("its typ is %.40q, not %s", h.Type, TypeProof)
	}
	key, err := proofKey(h.Key)
	if err != nil {
		return "", nil, err
	}
	key.Algorithm = h.Algorithm
	payload, good, err := parts.open(key)
	if err != nil {
		return "", nil, err
	}
	if !good {
		return "", nil, fmt.Errorf("its signature is not that of its jwk with alg %.20q; algorithms are %s", h.Algorithm, ProofAlgorithms)
	}
	c, err := confirmJWK(*key)
	if err != nil {
		return "", nil, err
	}
	return c.JKT, payload, nil
}

func proofKey(text jsontext.Value) (*jose.JSONWebKey, error) {
	var key jose.JSONWebKey
	if key.UnmarshalJSON(text) != nil || !key.Valid() {
		return nil, errors.New("its header has no valid public key in jwk")
	}
	if !key.IsPublic() {
		return nil, errors.New("the key in its header is not a public key: consider it disclosed")
	}
	if k, ok := key.Key.(*rsa.PublicKey); ok && (k.N.BitLen() < minRSA || k.N.BitLen() > maxRSA) {
		return nil, fmt.Errorf("its key has %d bits; use %d to %d", k.N.BitLen(), minRSA, maxRSA)
	}
	return &key, nil
}
