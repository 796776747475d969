package token

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// compact is the parts of a JWS in its compact serialization (RFC 7515 section
// 7.1); there is no other here.
type compact struct{ signed, payload, signature string }

// split checks the size, and returns the parts and the decoded header.
func split(raw string, limit int) (*compact, []byte, error) {
	if len(raw) > limit {
		return nil, nil, fmt.Errorf("it has %d bytes, the limit is %d", len(raw), limit)
	}
	if strings.Count(raw, ".") != 2 {
		return nil, nil, errors.New("it is not a compact JWS (three parts separated by dots)")
	}
	first, last := strings.IndexByte(raw, '.'), strings.LastIndexByte(raw, '.')
	header, err := decodeBase64(raw[:first])
	if err != nil {
		return nil, nil, fmt.Errorf("its header is %w", err)
	}
	return &compact{raw[:last], raw[first+1 : last], raw[last+1:]}, header, nil
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
