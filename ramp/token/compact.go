package token

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// compact is the parts of a JWS in its compact serialization (RFC 7515 section
// 7.1), encoded; there is no other serialization here.
type compact struct{ header, payload, signature, signed string }

// split checks the size, and takes the parts apart.
func split(raw string, limit int) (compact, error) {
	if len(raw) > limit {
		return compact{}, fmt.Errorf("it has %d bytes, the limit is %d", len(raw), limit)
	}
	if strings.Count(raw, ".") != 2 {
		return compact{}, errors.New("it is not a compact JWS (three parts separated by dots)")
	}
	first, last := strings.IndexByte(raw, '.'), strings.LastIndexByte(raw, '.')
	return compact{header: raw[:first], payload: raw[first+1 : last], signature: raw[last+1:], signed: raw[:last]}, nil
}

// open returns the payload, and whether the signature is the key's.
func (c *compact) open(key *jose.JSONWebKey) (payload []byte, good bool, err error) {
	signature, err := decodeBase64(c.signature)
	if err != nil {
		return nil, false, fmt.Errorf("its signature is %w", err)
	}
	if payload, err = decodeBase64(c.payload); err != nil {
		return nil, false, fmt.Errorf("its payload is %w", err)
	}
	return payload, signed(key, c.signed, signature), nil
}

var strictBase64 = base64.RawURLEncoding.Strict()

// decodeBase64 reads base64url of which each sequence of bytes has one spelling:
// no padding, no line breaks (which Go skips), no stray bits at the end.
func decodeBase64(text string) ([]byte, error) {
	data, err := strictBase64.DecodeString(text)
	if err != nil || strings.IndexByte(text, '\n') >= 0 || strings.IndexByte(text, '\r') >= 0 {
		return nil, errors.New("not base64url in its one correct spelling")
	}
	return data, nil
}
