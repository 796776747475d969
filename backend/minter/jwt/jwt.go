// Package jwt mints signed tokens: OAuth access tokens (RFC 9068) and SPIFFE
// JWT-SVIDs.
package jwt

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/minter"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

// Keys signs with the keys of the mount.
type Keys interface {
	// Sign returns the compact JWS of payload, made with the key set's
	// current key, and that key's kid.
	Sign(keySet, typ string, payload []byte) (jws, kid string, err error)
	// Algorithm is the signature algorithm of a key set, "" when there is no
	// such key set.
	Algorithm(keySet string) string
}

// Kind is the credential type jwt. Without Keys it checks contracts, but what
// it then makes cannot mint.
type Kind struct{ Keys Keys }

// Type implements [minter.Kind].
func (Kind) Type() string { return "jwt" }

// Key implements [minter.Kind].
func (Kind) Key(c *ramp.Contract) string {
	if name := c.Credential["key"]; name != "" {
		return name
	}
	return "default"
}

// Minter implements [minter.Kind].
func (k Kind) Minter(c *ramp.Contract) (minter.Minter, error) {
	for setting := range c.Credential {
		if setting != "profile" && setting != "key" {
			return nil, fmt.Errorf("credential: unknown setting %.40q; credential type jwt has profile and key", setting)
		}
	}
	if key := k.Key(c); k.Keys != nil && k.Keys.Algorithm(key) == "" {
		remedy := "create it under keys/"
		if key == "default" {
			remedy = "it comes with the first write of config, which sets the issuer"
		}
		return nil, fmt.Errorf("credential: there is no key %q; %s", key, remedy)
	}
	m := &jwtMinter{keys: k.Keys, key: k.Key(c), profile: token.AccessToken}
	if p := c.Credential["profile"]; p != "" {
		m.profile = token.Profile(p)
	}
	switch m.profile {
	case token.AccessToken:
	case token.SVID:
		if c.Subject != "" && !strings.HasPrefix(c.Subject, "spiffe://") {
			return nil, fmt.Errorf("subject: profile jwt_svid needs a SPIFFE ID; start the template with spiffe://<trust domain>/")
		}
		if k.Keys != nil && k.Keys.Algorithm(m.key) == "Ed25519" {
			return nil, fmt.Errorf("credential: key %q is Ed25519, which SPIFFE JWT-SVIDs may not use; take an ES256, ES384 or RS256 key", m.key)
		}
	default:
		return nil, fmt.Errorf("credential: profile %.40q is unknown; use %s or %s", m.profile, token.AccessToken, token.SVID)
	}
	return m, nil
}

type jwtMinter struct {
	keys    Keys
	key     string
	profile token.Profile
}

// Mint implements [minter.Minter].
func (m *jwtMinter) Mint(_ context.Context, g *minter.Grant) (*minter.Credential, error) {
	claims := token.Claims{
		Issuer:       g.Issuer,
		Subject:      g.Subject,
		Audience:     g.Audience,
		Expiry:       g.Expiry.Unix(),
		NotBefore:    g.NotBefore.Unix(),
		IssuedAt:     g.Issued.Unix(),
		ID:           token.ID(g.Contract.ID, g.Serial),
		ClientID:     g.ClientID,
		Scope:        g.Scopes.String(),
		Confirmation: g.Confirmation,
	}
	if g.Status != nil {
		claims.Status = &token.Status{List: *g.Status}
	}
	if m.profile == token.AccessToken || g.Conditions != "" {
		claims.Ramp = &token.Ramp{
			Contract:   g.Contract.Name,
			ID:         g.Contract.ID,
			Revision:   g.Contract.Revision(),
			Serial:     g.Serial,
			Stage:      g.Stage,
			Generation: g.Generation,
			Conditions: g.Conditions,
		}
	}
	payload, err := json.Marshal(&claims)
	if err != nil {
		return nil, err
	}
	jws, kid, err := m.keys.Sign(m.key, m.profile.Type(), payload)
	if err != nil {
		return nil, err
	}
	kind := "Bearer"
	if g.Confirmation != nil && g.Confirmation.JKT != "" {
		kind = "DPoP"
	}
	return &minter.Credential{
		Data:  map[string]any{"token": jws, "token_type": kind},
		KeyID: kid,
	}, nil
}
