package token

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
)

// MaxSize is the size in bytes above which a token is refused unread.
const MaxSize = 16 << 10

// ErrUnknownKey is returned when no key has the kid of a token.
var ErrUnknownKey = errors.New("the token is signed with a key that is not (or no longer) published by the issuer")

// ErrSignature is returned when a signature does not match.
var ErrSignature = errors.New("the signature of the token does not match")

// Keys finds the public key with the given kid.
type Keys func(kid string) (jose.JSONWebKey, bool)

// Header of a token: these three and no others, so that no header can point a
// reader at another key or change how the token is read.
type Header struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ"`
}

// Open checks that raw is a compact JWS with exactly one of the given header
// types, signed by one of the keys with that key's algorithm, and returns
// header and payload. What the payload says is for the caller to judge.
func Open(raw string, keys Keys, types ...string) (Header, []byte, error) {
	return OpenSized(raw, MaxSize, keys, types...)
}

// OpenSized is Open with a limit in bytes of its own, for what is not a token.
func OpenSized(raw string, limit int, keys Keys, types ...string) (Header, []byte, error) {
	parts, err := split(raw, limit)
	if err != nil {
		return Header{}, nil, unacceptable(err)
	}
	h, err := decodeHeader(parts.header)
	if err != nil {
		return Header{}, nil, unacceptable(err)
	}
	payload, err := parts.verify(&h, keys, types)
	return h, payload, err
}

// verify returns the payload of a JWS whose header, already read, fits.
func (c *compact) verify(h *Header, keys Keys, types []string) ([]byte, error) {
	if !slices.Contains(types, h.Type) {
		return nil, fmt.Errorf("the token has typ %.40q, expected %s", h.Type, strings.Join(types, " or "))
	}
	key, ok := keys(h.KeyID)
	if !ok {
		return nil, ErrUnknownKey
	}
	if h.Algorithm != key.Algorithm {
		return nil, fmt.Errorf("the token says alg %.20q, its key is for %s", h.Algorithm, key.Algorithm)
	}
	payload, good, err := c.open(&key)
	switch {
	case err != nil:
		return nil, unacceptable(err)
	case !good:
		return nil, ErrSignature
	}
	return payload, nil
}

// ParseHeader reads the header alone; nothing is verified.
func ParseHeader(raw string) (Header, error) {
	parts, err := split(raw, MaxSize)
	if err != nil {
		return Header{}, unacceptable(err)
	}
	h, err := decodeHeader(parts.header)
	if err != nil {
		return Header{}, unacceptable(err)
	}
	return h, nil
}

func unacceptable(err error) error { return fmt.Errorf("the token is not acceptable: %w", err) }

func decodeHeader(encoded string) (Header, error) {
	text, err := decodeBase64(encoded)
	if err != nil {
		return Header{}, fmt.Errorf("its header is %w", err)
	}
	var h Header
	err = json.Unmarshal(text, &h, json.RejectUnknownMembers(true))
	if err == nil {
		return h, nil
	}
	var at *json.SemanticError
	if errors.As(err, &at) && errors.Is(err, json.ErrUnknownName) {
		return Header{}, fmt.Errorf("its header has the parameter %.40q", at.JSONPointer.LastToken())
	}
	return Header{}, errors.New("its header is not a JSON object of strings with distinct names")
}
