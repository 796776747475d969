// Package account keeps count of what contracts are used for: who got what by
// which contract in which hour, who was refused and why, and how many
// credentials live until when. It reads no clock and no storage.
package account

import (
	"slices"
	"sync"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
)

// How much is kept. What is beyond is counted all the same, under the name
// Others.
const (
	Hours       = 7 * 24 // that are kept
	maxRows     = 50_000 // uses of all hours together; the oldest hours go first
	maxPairs    = 2_000  // contracts and callers of one hour, and as many stand-ins
	maxRefusals = 500    // contracts, callers and codes of one hour, and as many stand-ins
)

// Others stands for all contracts or callers that were too many to be counted
// apart.
const Others = "*"

// A Book is the account of one mount. Counting takes a moment and allocates
// nothing in the steady state. It is safe for concurrent use.
type Book struct {
	mu      sync.Mutex
	span    span
	current *hour   // the one that counts
	past    []*hour // oldest first; none of them changes any more
	dirty   map[int64]bool
	gone    []int64 // hours that are not kept any more

	contracts contracts
}

// span is since when is counted.
type span struct {
	Begun time.Time `json:"begun"`
	Hours int64     `json:"hours"` // the first that is kept
}

// New returns an empty book, which counts from now on.
func New(now time.Time) *Book { return &Book{span: span{now, hourOf(now)}} }

// roll starts a new hour when it is time. The caller holds b.mu.
func (b *Book) roll(at time.Time) *hour {
	n := hourOf(at)
	if b.current == nil {
		b.current = b.resume(n)
	}
	if n > b.current.n { // a clock that is set back goes on counting in the same hour
		b.past = append(b.past, b.current)
		b.current = newHour(n)
		b.drop()
	}
	b.touch(b.current.n)
	return b.current
}

// resume goes on with the last hour, when that was loaded and is not over.
func (b *Book) resume(n int64) *hour {
	last := len(b.past) - 1
	if last < 0 || b.past[last].n < n {
		return newHour(n)
	}
	h := b.past[last].clone()
	b.past = slices.Clone(b.past[:last])
	return h
}

func (b *Book) touch(hour int64) {
	if b.dirty == nil {
		b.dirty = make(map[int64]bool)
	}
	b.dirty[hour] = true
}

// drop forgets hours that are too old or too many. The caller holds b.mu.
func (b *Book) drop() {
	rows := 0
	for i, h := range slices.Backward(b.past) {
		rows += len(h.uses)
		if h.n > b.current.n-Hours && rows <= maxRows {
			continue
		}
		for _, old := range b.past[:i+1] {
			b.gone = append(b.gone, old.n)
			delete(b.dirty, old.n)
		}
		b.past = slices.Clone(b.past[i+1:])
		b.span.Hours = max(b.span.Hours, h.n+1)
		return
	}
}

// Issued counts a credential.
func (b *Book) Issued(at time.Time, c Credential) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.roll(at).use(c.Contract, c.Caller).Issued++
	b.contracts.issued(hourOf(at), c)
}

// Renewed counts a renewal.
func (b *Book) Renewed(at time.Time, c Credential) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.roll(at).use(c.Contract, c.Caller).Renewed++
	b.contracts.used(hourOf(at), c)
}

// Revoked counts the death of one credential that was alive.
func (b *Book) Revoked(at time.Time, c Credential) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.roll(at).use(c.Contract, c.Caller).Revoked++
	b.contracts.ended(c)
}

// Expired counts a credential that came to its end alive.
func (b *Book) Expired(at time.Time, c Credential) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.roll(at).use(c.Contract, c.Caller).Expired++
	b.contracts.ended(c)
}

// Died counts what an event kills at once: with a floor, a caller or a key. It
// returns how many of each contract were alive.
func (b *Book) Died(at time.Time, e revocation.Event) map[string]uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, all := b.roll(at), map[string]uint64{}
	b.contracts.died(e, at, func(contract, caller string, n uint64) {
		now.use(contract, caller).Revoked += n
		all[contract] += n
	})
	return all
}

// Denied counts a refusal to issue or to renew.
func (b *Book) Denied(at time.Time, contract, caller, code string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.roll(at).refuse(Refusal{contract, caller, code})
}

// Reported counts requests that the service side saw of a caller.
func (b *Book) Reported(at time.Time, contract, caller string, accepted, refused uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	u := b.roll(at).use(contract, caller)
	u.Accepted += accepted
	u.Refused += refused
}

// UsedScopes notes which scopes the requests used that the service side accepted.
func (b *Book) UsedScopes(at time.Time, id, contract string, accepted map[string]uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.contracts.scopes(hourOf(at), id, contract, accepted)
}

// Deleted forgets what is known of a contract but its past hours.
func (b *Book) Deleted(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.contracts.delete(id)
}

// hourOf numbers hours since 1970.
func hourOf(t time.Time) int64 { return t.Unix() / 3600 }

func hourTime(n int64) time.Time { return time.Unix(n*3600, 0).UTC() }
