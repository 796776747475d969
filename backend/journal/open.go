package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// memo is what is stored with each commit: which positions the ledger has.
type memo struct {
	Epoch uint64 `json:"epoch"`
	Last  uint64 `json:"last"` // number up to which the epoch's entries are in the ledger, but for the lost
	Ended bool   `json:"ended,omitempty"`
	Lost  lost   `json:"lost,omitempty"`

	Pruned int64 `json:"pruned,omitempty"`
}

func (m memo) text() json.RawMessage {
	text, _ := json.Marshal(m) // numbers always marshal
	return text
}

// missing is what the ledger does not have, once the epoch is over, and leases
// may ask for until a time.
func (m memo) missing(until time.Time) lost {
	if m.Epoch == 0 || m.Ended {
		return m.Lost
	}
	return m.Lost.with(m.Epoch, m.Last+1, endless, until)
}

// Attach gives the journal its storage. It is opened when first needed.
func (j *Journal) Attach(s ledger.Storage) {
	j.committing.Lock()
	defer j.committing.Unlock()
	j.storage = s
}

// Log returns the ledger, with a *[ledger.Damage] error when nothing can be
// appended to it.
func (j *Journal) Log(ctx context.Context) (*ledger.Log, error) {
	if o := j.log.Load(); o != nil {
		return o.Log, o.damage
	}
	j.committing.Lock()
	defer j.committing.Unlock()
	return j.opened(ctx)
}

// opened is Log for those who hold j.committing.
func (j *Journal) opened(ctx context.Context) (*ledger.Log, error) {
	if o := j.log.Load(); o != nil {
		return o.Log, o.damage
	}
	j.mu.Lock()
	closed := j.closed
	j.mu.Unlock()
	switch {
	case closed:
		return nil, ErrClosed
	case j.storage == nil:
		return nil, ErrOff
	}
	log := new(ledger.Log) // without keys it reads as an empty one
	k, err := readKeys(ctx, j.storage)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrOff
	}
	if err == nil {
		log, err = ledger.Open(ctx, j.storage, k.verifiers(), k.signers()...)
	}
	if err == nil {
		err = j.resume(ctx, log)
	}
	var damage *ledger.Damage
	if err != nil && !errors.As(err, &damage) {
		return nil, err
	}
	j.log.Store(&opened{log, err})
	return log, err
}

// comeback is how long it may take leases that ended while Vault was down to
// come back once it is up.
const comeback = time.Hour

// resume begins a new epoch: what the one before lost is to be recovered, and
// what still waits here is appended unless the ledger has it.
func (j *Journal) resume(ctx context.Context, log *ledger.Log) error {
	var before memo
	if text := log.Memo(); len(text) > 0 {
		if err := json.Unmarshal(text, &before); err != nil {
			return &ledger.Damage{Err: fmt.Errorf("what is stored with its head: %w", err)}
		}
	}
	last, err := lately(ctx, log)
	if err == nil && j.Redo != nil && len(last) > 0 {
		err = j.Redo(ctx, last)
	}
	if err != nil {
		return err
	}
	lost := before.missing(j.until()).keptUntil(j.now().Add(comeback))
	now := memo{Epoch: before.Epoch + 1, Lost: lost, Pruned: before.Pruned}
	if _, err := log.Append(ctx, nil, now.text()); err != nil {
		return err
	}
	var revoked recent
	for _, e := range last {
		revoked.add(e.JTI)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.epoch, j.next, j.last, j.lost, j.revoked = now.Epoch, 1, 0, now.Lost, revoked
	j.pruned, j.batch, j.rescued = now.Pruned, nil, map[Position]bool{}
	var waiting []item
	for _, i := range j.queue {
		if j.lost.has(i.at) {
			i.late = true
			j.rescued[i.at] = true
			if i.entry.Type == ledger.Revoke {
				j.revoked.add(i.entry.JTI)
			}
			waiting = append(waiting, i)
		}
	}
	if j.queue = waiting; len(waiting) == 0 {
		j.done = j.tickets
	}
	return nil
}

// Forget drops what is known of the ledger, because another node wrote to it.
func (j *Journal) Forget() {
	j.committing.Lock()
	defer j.committing.Unlock()
	j.log.Store(nil)
}

// Close makes everything durable and ends the epoch: nothing of it is lost.
func (j *Journal) Close(ctx context.Context) error {
	j.mu.Lock()
	j.count(endOfTime)
	j.closed = true
	ticket := j.tickets
	j.mu.Unlock()
	if j.log.Load() == nil {
		return nil // nothing was ever appended
	}
	if err := j.flush(ctx, ticket); err != nil {
		return err
	}
	j.committing.Lock()
	defer j.committing.Unlock()
	log, err := j.opened(ctx)
	if err != nil {
		return err
	}
	j.mu.Lock()
	end := memo{Epoch: j.epoch, Last: j.last, Ended: true, Lost: j.lost, Pruned: j.pruned}
	j.mu.Unlock()
	j.log.Store(nil)
	_, err = log.Append(ctx, nil, end.text())
	return err
}
