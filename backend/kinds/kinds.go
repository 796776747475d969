// Package kinds lists the credential types there are.
package kinds

import (
	"fmt"
	"strings"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/minter"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/minter/jwt"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// Mount is what kinds need of the mount they work for. The zero value is for
// checking contracts away from any.
type Mount struct {
	Keys jwt.Keys
}

// all lists the kinds. A new one is one line here.
func all(m Mount) []minter.Kind {
	return []minter.Kind{
		jwt.Kind{Keys: m.Keys},
	}
}

// Of returns the kind of credential that a contract is about and its minter.
// An error says what the writer of the contract has to change.
func Of(m Mount, c *ramp.Contract) (minter.Kind, minter.Minter, error) {
	var known []string
	for _, kind := range all(m) {
		if kind.Type() == c.CredentialType {
			made, err := kind.Minter(c)
			return kind, made, err
		}
		known = append(known, kind.Type())
	}
	return nil, nil, fmt.Errorf("credential_type %.40q is unknown; use one of: %s", c.CredentialType, strings.Join(known, ", "))
}
