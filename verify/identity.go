package verify

import (
	"net/netip"
	"slices"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

// Identity is who a valid token speaks for, and what it may do.
type Identity struct {
	Subject    string    `json:"subject"`
	Caller     string    `json:"caller"`             // Vault entity ID, the token's client_id
	Contract   string    `json:"contract,omitempty"` // name; JWT-SVIDs do not say it, nor revision, stage and generation
	ContractID string    `json:"contract_id"`
	Revision   string    `json:"revision,omitempty"`
	Serial     uint64    `json:"serial"`
	Stage      string    `json:"stage,omitempty"`
	Generation string    `json:"generation,omitempty"`
	Scopes     []string  `json:"scopes"`
	Audience   string    `json:"audience"`
	IssuedAt   time.Time `json:"issued_at"`
	Expiry     time.Time `json:"expires_at"`
	TokenID    string    `json:"jti"`
	KeyID      string    `json:"kid"`                 // of the key that signed the token
	ProofKey   string    `json:"proof_key,omitempty"` // thumbprint of the key that the token is bound to

	opened *opened    // for Watch
	remote netip.Addr // where the request came from
}

// HasScope reports whether the token has a scope.
func (i *Identity) HasScope(scope string) bool { return slices.Contains(i.Scopes, scope) }

// opened is a token whose signature, issuer and audience are good.
type opened struct {
	identity   Identity
	notBefore  time.Time
	confirm    token.Confirmation
	followed   bool   // revocations of it are published
	conditions string // digest
	credential revocation.Credential
}

// copy keeps what is cached from those who change what they are given.
func (o *opened) copy() *Identity {
	id := o.identity
	id.Scopes, id.opened = slices.Clone(id.Scopes), o
	return &id
}
