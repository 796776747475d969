package backend

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/kinds"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/minter"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

// serialBlock is how many serials are reserved with one write. What is left
// of a block after a crash is skipped, never used.
const serialBlock = 4096

// contract is a contract at work. Issuing holds its lock (see shelf) for
// reading; whatever changes it holds the lock for writing, so that no
// credential of the old state leaves after the change was answered.
type contract struct {
	*ramp.Contract
	stored storedContract
	state  contractState
	next   atomic.Uint64 // serial; at or above state.Reserved a new block is due
	minter minter.Minter
	key    string

	consent   string // revision that the service team accepted
	standings *standings
}

type storedContract struct {
	ID      string     `json:"id"`
	Terms   ramp.Terms `json:"terms"`
	Created time.Time  `json:"created"`
	Updated time.Time  `json:"updated"`
}

// contractState is what happened to a contract, stored as state/<id>.
type contractState struct {
	Name      string `json:"name"`
	Reserved  uint64 `json:"reserved"` // no serial at or above this was ever used
	Floor     uint64 `json:"floor"`
	Suspended bool   `json:"suspended,omitempty"`
	// Generations that are live, and some that have retired since.
	Generations ramp.Generations `json:"generations,omitempty"`
}

// compile builds the contract that terms describe, ready to issue.
func (b *backend) compile(name, id string, terms ramp.Terms) (*contract, error) {
	c, err := ramp.NewContract(name, id, terms, b.conditions.Compile)
	if err != nil {
		return nil, err
	}
	kind, m, err := kinds.Of(kinds.Mount{Keys: b.keys}, c)
	if err != nil {
		return nil, err
	}
	return &contract{Contract: c, minter: m, key: kind.Key(c), standings: &standings{}}, nil
}

func (b *backend) loadContract(ctx context.Context, s logical.Storage, name string) (*contract, error) {
	stored, err := get[storedContract](ctx, s, rolesPrefix+name)
	if err != nil || stored == nil {
		return nil, err
	}
	state, err := get[contractState](ctx, s, statePrefix+stored.ID)
	if err != nil {
		return nil, err
	}
	if state == nil {
		return nil, fmt.Errorf("contract %q has no state %s", name, stored.ID)
	}
	c, err := b.compile(name, stored.ID, stored.Terms)
	if err != nil {
		return nil, fmt.Errorf("contract %q: %w", name, err)
	}
	c.stored, c.state = *stored, *state
	c.next.Store(state.Reserved)
	c.consent, err = loadConsent(ctx, s, c)
	return c, err
}

func loadConsent(ctx context.Context, s logical.Storage, c *contract) (string, error) {
	given, err := get[consent](ctx, s, consentPath(c.Service, c.Name))
	if err != nil || given == nil || given.Void {
		return "", err
	}
	return given.Revision, nil
}

// serial returns the next serial, false when a new block has to be reserved.
// The contract's lock is held for reading.
func (c *contract) serial() (uint64, bool) {
	n := c.next.Add(1) - 1
	return n, n < c.state.Reserved
}

// used is the serial after the last one used. The lock is held for writing.
func (c *contract) used() uint64 { return min(c.next.Load(), c.state.Reserved) }

// reserve makes a block of serials available. The lock is held for writing.
func (c *contract) reserve(ctx context.Context, s logical.Storage) error {
	if c.next.Load() < c.state.Reserved {
		return nil // somebody else was here
	}
	state := c.state
	state.Reserved += serialBlock
	if err := put(ctx, s, statePrefix+c.ID, state); err != nil {
		return err
	}
	c.next.Store(c.state.Reserved)
	c.state = state
	return nil
}

// raiseFloor revokes everything the contract has issued so far. The lock is
// held for writing.
func (b *backend) raiseFloor(ctx context.Context, s logical.Storage, c *contract) error {
	floor := c.used()
	if floor <= c.state.Floor {
		return nil
	}
	if err := b.kill(ctx, s, revocation.Event{Type: revocation.EventFloor, Contract: c.ID, Floor: floor, Until: b.until()}); err != nil {
		return err
	}
	state := c.state
	state.Floor = floor
	if err := put(ctx, s, statePrefix+c.ID, state); err != nil {
		return err
	}
	c.state = state
	return nil
}

// planFloor makes everything the contract has issued so far die at a time, with
// one write however much that is. The lock is held for writing.
func (b *backend) planFloor(ctx context.Context, s logical.Storage, c *contract, at time.Time) error {
	if !at.After(b.now()) {
		return b.raiseFloor(ctx, s, c)
	}
	if c.used() <= c.state.Floor {
		return nil
	}
	return b.kill(ctx, s, revocation.Event{Type: revocation.EventFloor, Contract: c.ID, Floor: c.used(), From: at.Unix(), Until: b.until()})
}

// raiseCallerFloor does the same for what one caller holds.
func (b *backend) raiseCallerFloor(ctx context.Context, s logical.Storage, c *contract, entity string) error {
	return b.kill(ctx, s, revocation.Event{
		Type: revocation.EventFloor, Contract: c.ID, Caller: token.CallerHash(entity), Floor: c.used(), Until: b.until(),
	})
}

func newContractID() string {
	var id [10]byte
	_, _ = rand.Read(id[:]) // never fails, see crypto/rand
	return strings.ToLower(base32.StdEncoding.EncodeToString(id[:]))
}
