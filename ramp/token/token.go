// Package token holds what the issuer of ramp tokens and those who verify them
// must agree on: claims, header types and how a token is read.
package token

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Header types (typ). Each use of a key has its own, and readers insist on it.
const (
	TypeAccessToken = "at+jwt" // RFC 9068
	TypeSVID        = "JWT"    // SPIFFE JWT-SVID section 2
	TypeStatusList  = "statuslist+jwt"
	TypeFeed        = "ramp-feed+jwt"
)

// Profile is the shape of a token.
type Profile string

const (
	AccessToken Profile = "access_token" // RFC 9068
	SVID        Profile = "jwt_svid"     // SPIFFE JWT-SVID
)

// Type is the typ header of tokens of this profile.
func (p Profile) Type() string {
	if p == SVID {
		return TypeSVID
	}
	return TypeAccessToken
}

// Claims of a ramp token. Times are NumericDates in whole seconds.
type Claims struct {
	Issuer       string        `json:"iss"`
	Subject      string        `json:"sub"`
	Audience     string        `json:"aud"`
	Expiry       int64         `json:"exp"`
	NotBefore    int64         `json:"nbf"`
	IssuedAt     int64         `json:"iat"`
	ID           string        `json:"jti"`       // see [ID]
	ClientID     string        `json:"client_id"` // the Vault entity ID of the caller
	Scope        string        `json:"scope"`
	Confirmation *Confirmation `json:"cnf,omitempty"`
	Status       *Status       `json:"status,omitempty"`
	Ramp         *Ramp         `json:"ramp,omitempty"` // AccessToken only
}

// ExpiresAt is Expiry as a time.
func (c *Claims) ExpiresAt() time.Time { return time.Unix(c.Expiry, 0).UTC() }

// Confirmation binds a token to a key (RFC 7800).
type Confirmation struct {
	JKT string `json:"jkt,omitempty"`      // JWK SHA-256 thumbprint, RFC 9449 section 6
	X5T string `json:"x5t#S256,omitempty"` // certificate SHA-256 thumbprint, RFC 8705 section 3
}

// Status says where the revocation of a token is published
// (draft-ietf-oauth-status-list section 6).
type Status struct {
	List StatusRef `json:"status_list"`
}

// StatusRef points at one bit of a status list.
type StatusRef struct {
	Index uint64 `json:"idx"`
	URI   string `json:"uri"`
}

// Ramp says by which contract a token was issued. A JWT-SVID has it only when
// there are conditions.
type Ramp struct {
	Contract   string `json:"contract,omitempty"`
	ID         string `json:"id"`
	Revision   string `json:"revision,omitempty"`
	Serial     uint64 `json:"serial"`
	Stage      string `json:"stage,omitempty"`
	Generation string `json:"generation,omitempty"`
	// Conditions is the digest of the conditions that have to hold for each
	// request, "" for none: the document conditions/<id>/<digest> of the
	// issuer has them. Whoever cannot ask them must refuse the token.
	Conditions string `json:"conditions,omitempty"`
}

// ID is the jti of a credential: the contract's id, a dot, the serial.
func ID(contract string, serial uint64) string {
	return contract + "." + strconv.FormatUint(serial, 10)
}

// ParseID is the inverse of [ID].
func ParseID(jti string) (contract string, serial uint64, err error) {
	contract, number, ok := strings.Cut(jti, ".")
	serial, err = strconv.ParseUint(number, 10, 64)
	if !ok || err != nil || contract == "" || ID(contract, serial) != jti {
		return "", 0, fmt.Errorf("jti %.64q is not of the form <contract id>.<serial>", jti)
	}
	return contract, serial, nil
}

// CallerHash is how the feed names a caller without saying who it is.
func CallerHash(clientID string) string {
	sum := sha256.Sum256([]byte("ramp caller\x00" + clientID))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
