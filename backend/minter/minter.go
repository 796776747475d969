// Package minter declares what a credential type is. Each type has a folder
// of its own below this one; none imports another.
package minter

import (
	"context"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

// Grant is what a decision gave, with all that a credential has to say.
type Grant struct {
	ramp.Grant
	Contract *ramp.Contract
	Serial   uint64
	ClientID string    // entity ID of the caller
	Issued   time.Time // whole seconds
	// NotBefore is Issued less the leeway for clocks that are behind.
	NotBefore    time.Time
	Issuer       string
	Status       *token.StatusRef // nil when verifiers look at exp alone
	Confirmation *token.Confirmation
	// Conditions is the digest of the conditions that verifiers have to ask
	// with each request, "" when there are none.
	Conditions string
}

// Credential is what a minter made.
type Credential struct {
	Data  map[string]any // what the caller gets, beside the fields every type has
	KeyID string         // of the signing key, "" when there is none
}

// A Minter issues one kind of credential with the settings of one contract.
// It may narrow a grant, never widen it. It must be safe for concurrent use.
type Minter interface {
	Mint(ctx context.Context, g *Grant) (*Credential, error)
}

// Kind is a credential type.
type Kind interface {
	// Type is the value of credential_type.
	Type() string
	// Minter checks the credential settings of a contract. An error says
	// what the writer of the contract has to change. A kind that knows no
	// mount checks what can be told without one.
	Minter(c *ramp.Contract) (Minter, error)
	// Key names the signing key that a contract with valid settings uses,
	// "" when it uses none.
	Key(c *ramp.Contract) string
}
