package backend

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

// standing is where one caller stands with one contract, stored as
// callers/<contract id>/<entity id>. It is kept only for contracts that have
// stages or limit live credentials. Its lock is held from decision to record,
// so that neither is ever made on an old state.
type standing struct {
	mu     sync.Mutex
	loaded bool
	dirty  bool // counts that periodic work still has to store
	stored storedStanding
}

type storedStanding struct {
	Progress ramp.Progress `json:"progress"`
	// Live is the caller's credentials by serial. It is kept when the contract
	// limits them.
	Live map[uint64]life `json:"live,omitempty"`
}

// life is from when to when a credential lives if nothing kills it (NumericDate).
type life struct {
	Issued int64 `json:"iat"`
	Expiry int64 `json:"exp"`
}

// maxReports is how many evidence reports a contract remembers, so that one
// that is sent again counts once. Older ones are forgotten after reportMemory.
const (
	maxReports   = 10_000
	reportMemory = 24 * time.Hour
)

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
		s = &standing{}
		x.list[entity] = s
	}
	return s
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

// settled returns a caller's standing with its lock held, and with what time
// alone changed of it carried out: reaching the next stage, or falling for
// having been idle, which kills what the caller holds.
func (b *backend) settled(ctx context.Context, s logical.Storage, c *contract, entity string) (*standing, error) {
	x, err := b.lockStanding(ctx, s, c, entity)
	if err != nil || x.stored.Progress.Since.IsZero() {
		return x, err
	}
	if err := b.proceed(ctx, s, c, entity, x, c.Settled(x.stored.Progress, b.now())); err != nil {
		x.mu.Unlock()
		return nil, err
	}
	return x, nil
}

// lockStanding returns a caller's standing with its lock held.
func (b *backend) lockStanding(ctx context.Context, s logical.Storage, c *contract, entity string) (*standing, error) {
	x := c.standings.of(entity)
	x.mu.Lock()
	if x.loaded {
		return x, nil
	}
	stored, err := get[storedStanding](ctx, s, standingKey(c.ID, entity))
	if err != nil {
		x.mu.Unlock()
		return nil, err
	}
	if stored != nil {
		x.stored = *stored
	}
	x.loaded = true
	return x, nil
}

// active counts the caller's credentials that are alive at a time.
func (x *standing) active(dead *revocation.State, c *contract, entity string, at time.Time) uint64 {
	now, hash, n := at.Unix(), token.CallerHash(entity), uint64(0)
	for serial, l := range x.stored.Live {
		if l.Expiry > now && dead.Dead(revocation.Credential{Contract: c.ID, Serial: serial, Caller: hash, IssuedAt: l.Issued}, now) == "" {
			n++
		}
	}
	return n
}

// proceed takes over a caller's progress. A change of stage is durable before
// it counts; a fall kills what the caller holds first. Counts are stored later:
// losing them can only keep a caller at a lower stage.
func (b *backend) proceed(ctx context.Context, s logical.Storage, c *contract, entity string, x *standing, to ramp.Progress) error {
	from := x.stored.Progress
	if from.Stage == to.Stage && from.Since.Equal(to.Since) {
		x.dirty = x.dirty || !reflect.DeepEqual(from, to)
		x.stored.Progress = to
		return nil
	}
	if c.Fell(from, to) {
		if err := b.raiseCallerFloor(ctx, s, c, entity); err != nil {
			return err
		}
	}
	stored := x.stored
	stored.Progress = to
	return b.storeStanding(ctx, s, c, entity, x, stored)
}

func (b *backend) storeStanding(ctx context.Context, s logical.Storage, c *contract, entity string, x *standing, stored storedStanding) error {
	if err := put(ctx, s, standingKey(c.ID, entity), stored); err != nil {
		return err
	}
	x.stored, x.dirty = stored, false
	return nil
}

// holds records a credential the caller got, where the contract limits them.
func (b *backend) holds(ctx context.Context, s logical.Storage, c *contract, entity string, x *standing, serial uint64, made life) error {
	stored := x.stored
	stored.Live = map[uint64]life{serial: made}
	now := b.now().Unix()
	for old, l := range x.stored.Live {
		if l.Expiry > now {
			stored.Live[old] = l
		}
	}
	return b.storeStanding(ctx, s, c, entity, x, stored)
}

// released forgets a credential that died, so that the caller may have another.
func (b *backend) released(ctx context.Context, s logical.Storage, l *lease) error {
	c, done, err := b.contracts.read(ctx, s, l.Contract)
	defer done()
	if err != nil || c == nil || c.ID != l.ContractID || !c.LimitsActive() || l.Expiry < b.now().Unix() {
		return err
	}
	x, err := b.lockStanding(ctx, s, c, l.EntityID)
	if err != nil {
		return err
	}
	defer x.mu.Unlock()
	if _, ok := x.stored.Live[l.Serial]; !ok {
		return nil
	}
	stored := x.stored
	stored.Live = map[uint64]life{}
	for serial, other := range x.stored.Live {
		if serial != l.Serial {
			stored.Live[serial] = other
		}
	}
	return b.storeStanding(ctx, s, c, l.EntityID, x, stored)
}

// storeStandings stores the counts that changed since the last time.
func (b *backend) storeStandings(ctx context.Context, s logical.Storage) error {
	for _, name := range b.contracts.names() {
		c, done, err := b.contracts.read(ctx, s, name)
		if err == nil && c != nil {
			for entity, x := range c.standings.all() {
				x.mu.Lock()
				if x.dirty {
					err = b.storeStanding(ctx, s, c, entity, x, x.stored)
				}
				x.mu.Unlock()
				if err != nil {
					break
				}
			}
		}
		done()
		if err != nil {
			return err
		}
	}
	return nil
}

// reports remembers which evidence was counted, stored as evidence/<contract id>.
type reports struct {
	Counted []report `json:"counted"` // oldest first
}

type report struct {
	ID string `json:"id"`
	At int64  `json:"at"`
}

func (r *reports) has(id string) bool {
	return slices.ContainsFunc(r.Counted, func(x report) bool { return x.ID == id })
}

// with returns the reports with one more, false when there are too many.
func (r *reports) with(id string, now time.Time) (*reports, bool) {
	kept := &reports{}
	for _, x := range r.Counted {
		if x.At > now.Add(-reportMemory).Unix() {
			kept.Counted = append(kept.Counted, x)
		}
	}
	if len(kept.Counted) >= maxReports {
		return nil, false
	}
	kept.Counted = append(kept.Counted, report{id, now.Unix()})
	return kept, true
}
