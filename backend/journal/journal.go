// Package journal brings entries into the ledger: in batches, later for those
// that nobody may wait for, at once for those that have to be durable.
//
// What waits in memory is lost in a crash. So each entry has a [Position], which
// the lease of a credential carries: whoever gets the lease back asks
// [Journal.Settle] to append the entry if the ledger does not have it. What the
// ledger has is stored in the same write as its entries, so that each is
// appended exactly once, wherever a crash happens.
package journal

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// maxWaiting is how many entries wait in memory. When storage takes none for
// that long, entries with a position are left to be recovered, others refused.
const maxWaiting = 16_384

// ErrOff says that there is no ledger: it has not begun, or was closed.
var ErrOff = errors.New("there is no ledger yet: it begins when the issuer is configured")

// ErrClosed says that the journal was closed: nothing would record what is done.
var ErrClosed = errors.New("the ledger is closed: the plugin is about to stop")

// errFull says that an entry that must be durable has no room.
var errFull = errors.New("the ledger is too far behind to take another entry")

// Journal is the way into a ledger. One journal writes to a storage at a time.
type Journal struct {
	// Wait is for how long entries that nobody waits for are collected.
	Wait time.Duration
	// Redo, if set, carries out the revocations that were recorded last: a crash
	// may have come between record and deed. Nothing is recorded before it succeeds.
	Redo   func(ctx context.Context, revoked []ledger.Entry) error
	now    func() time.Time
	until  func() time.Time // when the last lease of what was issued by now has ended
	report func(error)      // of what fails while nobody waits

	// committing is held while storage is written, and before mu.
	committing sync.Mutex
	storage    ledger.Storage
	batch      *batch // that is being appended, or has to be repeated

	log atomic.Pointer[opened]

	mu      sync.Mutex
	closed  bool
	epoch   uint64
	next    uint64 // number of the next entry
	last    uint64 // number of the last entry in the ledger or left out
	lost    lost
	rescued map[Position]bool // lost ones that wait
	queue   []item
	tickets uint64 // of the last item
	done    uint64 // ticket of the last item that is durable
	skipped uint64
	pruned  int64 // index below which the ledger says that bodies were dropped
	armed   bool
	revoked recent
	tallies map[offence]*tally
}

// opened is a ledger, and what is wrong with it, if so.
type opened struct {
	*ledger.Log
	damage error
}

// item is an entry that waits.
type item struct {
	entry  ledger.Entry
	at     Position
	late   bool // its number is among the lost
	ticket uint64
	since  time.Time
}

// New returns a journal that refuses until it is attached to a storage. Until is
// when the last lease of what was issued by now will have ended: what nobody
// can ask for any more is forgotten. Report gets what fails while nobody waits.
func New(now, until func() time.Time, report func(error)) *Journal {
	return &Journal{Wait: time.Second, now: now, until: until, report: report}
}

// Add takes an entry that nobody waits for, and returns its position.
func (j *Journal) Add(ctx context.Context, e ledger.Entry) (Position, error) {
	if _, err := j.Log(ctx); err != nil {
		return Position{}, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	at := Position{j.epoch, j.next}
	e.Position = at.String()
	err := j.push(item{entry: e, at: at})
	if errors.Is(err, errFull) {
		j.skipped++
		j.lost = j.lost.with(at.Epoch, at.Number, at.Number, j.until())
		err = nil
	}
	j.next++
	return at, err
}

// Record makes an entry durable before it returns. A revocation of a
// credential that was recorded lately is not recorded twice.
func (j *Journal) Record(ctx context.Context, e ledger.Entry) error {
	err := j.record(ctx, e)
	if errors.Is(err, errFull) && j.Flush(ctx) == nil { // which makes room
		err = j.record(ctx, e)
	}
	return err
}

func (j *Journal) record(ctx context.Context, e ledger.Entry) error {
	if _, err := j.Log(ctx); err != nil {
		return err
	}
	j.mu.Lock()
	ticket := j.tickets
	if e.Type != ledger.Revoke || j.revoked.add(e.JTI) {
		if err := j.push(item{entry: e, at: Position{j.epoch, j.next}}); err != nil {
			j.revoked.remove(e.JTI)
			j.mu.Unlock()
			return err
		}
		j.next++
		ticket = j.tickets
	}
	j.mu.Unlock()
	return j.flush(ctx, ticket)
}

// push queues an item. The caller holds j.mu.
func (j *Journal) push(i item) error {
	if j.closed {
		return ErrClosed
	}
	if len(j.queue) >= maxWaiting {
		return errFull
	}
	j.tickets++
	i.ticket, i.since = j.tickets, j.now()
	j.queue = append(j.queue, i)
	j.arm(j.Wait)
	return nil
}

// arm sees to it that what waits is written after a while. The caller holds j.mu.
func (j *Journal) arm(wait time.Duration) {
	if j.armed || j.closed {
		return
	}
	j.armed = true
	time.AfterFunc(wait, func() {
		err := j.Flush(context.Background())
		if err != nil && !errors.Is(err, ErrOff) && !errors.Is(err, ErrClosed) {
			j.report(err)
			wait = patience * j.Wait
		} else {
			wait = j.Wait
		}
		j.mu.Lock()
		defer j.mu.Unlock()
		j.armed = false
		if len(j.queue) > 0 || len(j.tallies) > 0 {
			j.arm(wait)
		}
	})
}

// patience is how much later than usual a write that failed is tried again.
const patience = 10
