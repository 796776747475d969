package backend

import (
	"context"
	"sync"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// standing is where one caller stands with one contract, stored as
// callers/<contract id>/<entity id>. It is kept only for contracts that have
// stages or limit live credentials. Its lock is held from decision to record,
// so that neither is ever made on an old state.
type standing struct {
	home   *standings
	entity string

	mu     sync.Mutex
	loaded bool
	gone   bool // nothing was known of the caller: look again
	dirty  bool // counts that periodic work still has to store
	stored storedStanding
}

// unlock gives a standing back. One that nothing is known of is dropped, so
// that callers who are only asked about leave nothing behind.
func (x *standing) unlock() {
	if x.stored.Progress.Since.IsZero() && len(x.stored.Live) == 0 {
		x.gone = true
		x.home.drop(x.entity)
	}
	x.mu.Unlock()
}

type storedStanding struct {
	Progress ramp.Progress `json:"progress"`
	// Live is the caller's credentials by serial. It is kept when the contract
	// limits them.
	Live map[uint64]life `json:"live,omitempty"`
}

// life is from when to when a credential lives if nothing kills it
// (NumericDate), and the key that signed it.
type life struct {
	Issued int64  `json:"iat"`
	Expiry int64  `json:"exp"`
	KeyID  string `json:"kid,omitempty"`
}

// standings are those of one contract.
type standings struct {
	mu   sync.Mutex
	list map[string]*standing // by entity ID

	evidence sync.Mutex // held while a report is counted
}

func (x *standings) of(entity string) *standing {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.list[entity]
	if s == nil {
		if x.list == nil {
			x.list = make(map[string]*standing)
		}
		s = &standing{home: x, entity: entity}
		x.list[entity] = s
	}
	return s
}

func (x *standings) drop(entity string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.list, entity)
}

func (x *standings) all() map[string]*standing {
	x.mu.Lock()
	defer x.mu.Unlock()
	all := make(map[string]*standing, len(x.list))
	for entity, s := range x.list {
		all[entity] = s
	}
	return all
}

func standingKey(contract, entity string) string { return callersPrefix + contract + "/" + entity }

// lockStanding returns a caller's standing with its lock held.
func (b *backend) lockStanding(ctx context.Context, s logical.Storage, c *contract, entity string) (*standing, error) {
	for {
		x := c.standings.of(entity)
		x.mu.Lock()
		if x.gone {
			x.mu.Unlock()
			continue
		}
		if x.loaded {
			return x, nil
		}
		stored, err := get[storedStanding](ctx, s, standingKey(c.ID, entity))
		if err != nil {
			x.unlock()
			return nil, err
		}
		if stored != nil {
			x.stored = *stored
		}
		x.loaded = true
		return x, nil
	}
}
