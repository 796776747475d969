package token

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
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
	h, err := parseHeader(raw, limit)
	if err != nil {
		return h, nil, err
	}
	if !slices.Contains(types, h.Type) {
		return h, nil, fmt.Errorf("the token has typ %.40q, expected %s", h.Type, strings.Join(types, " or "))
	}
	key, ok := keys(h.KeyID)
	if !ok {
		return h, nil, ErrUnknownKey
	}
	if h.Algorithm != key.Algorithm {
		return h, nil, fmt.Errorf("the token says alg %.20q, its key is for %s", h.Algorithm, key.Algorithm)
	}
	jws, err := jose.ParseSignedCompact(raw, algorithms)
	if err != nil {
		return h, nil, errors.New("the token is not a valid compact JWS")
	}
	payload, err := jws.Verify(key.Key)
	if err != nil {
		return h, nil, ErrSignature
	}
	return h, payload, nil
}

// ParseHeader reads the header alone; nothing is verified.
func ParseHeader(raw string) (Header, error) { return parseHeader(raw, MaxSize) }

func parseHeader(raw string, limit int) (Header, error) {
	var h Header
	if len(raw) > limit {
		return h, fmt.Errorf("the token has %d bytes, the limit is %d", len(raw), limit)
	}
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return h, errors.New("the token is not a compact JWS (three parts separated by dots)")
	}
	for _, p := range parts[1:] { // their last characters: what comes before has one spelling
		if _, err := decodeBase64(p[len(p)&^3:]); err != nil || strings.ContainsAny(p, "\r\n") {
			return h, errors.New("the token is not base64url in its one correct spelling")
		}
	}
	text, err := decodeBase64(parts[0])
	if err != nil {
		return h, errors.New("the header of the token is not base64url in its one correct spelling")
	}
	if err := decodeStrict(text, &h); err != nil {
		return h, fmt.Errorf("the header of the token is not acceptable: %w", err)
	}
	return h, nil
}

// decodeBase64 reads base64url of which each sequence of bytes has one spelling:
// no padding, no line breaks (which Go skips), no stray bits at the end.
func decodeBase64(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("line break in base64url")
	}
	return base64.RawURLEncoding.Strict().DecodeString(text)
}

// ParseClaims reads the payload of a verified ramp token. Duplicate members
// and members that differ from ours in case alone are refused or ignored,
// never merged.
func ParseClaims(payload []byte) (*Claims, error) {
	var c Claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, errors.New("the claims of the token are not the JSON of a ramp token")
	}
	return &c, nil
}

func decodeStrict(text []byte, v *Header) error {
	var members map[string]string
	if err := json.Unmarshal(text, &members); err != nil {
		return errors.New("it is not a JSON object of strings with distinct names")
	}
	for name := range members {
		if name != "alg" && name != "kid" && name != "typ" {
			return fmt.Errorf("it has the parameter %.40q", name)
		}
	}
	*v = Header{Algorithm: members["alg"], KeyID: members["kid"], Type: members["typ"]}
	return nil
}
