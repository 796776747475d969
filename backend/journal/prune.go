package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// pruneAtOnce is how many bundles one Prune drops at most.
const pruneAtOnce = 64

// Prune drops the bodies of entries that happened before a time, bundle by
// bundle from the oldest, after saying so in the ledger.
func (j *Journal) Prune(ctx context.Context, before time.Time) error {
	log, err := j.Log(ctx)
	if err != nil {
		return err
	}
	j.mu.Lock()
	first := j.pruned
	j.mu.Unlock()
	if log.Pruned() < first {
		return log.Prune(ctx, first) // was interrupted
	}
	at, _ := log.Checkpoint()
	end := first
	for end+ledger.Width <= at.Size && end < first+pruneAtOnce*ledger.Width {
		newest, err := newest(ctx, log, end)
		if err != nil {
			return err
		}
		if newest.IsZero() { // or whoever removes entries has us excuse it
			return fmt.Errorf("the entries from %d on are missing, and were not pruned", end)
		}
		if !newest.Before(before) {
			break
		}
		end += ledger.Width
	}
	if end == first {
		return nil
	}
	if err := j.Record(ctx, ledger.Entry{Time: j.now(), Type: ledger.Prune, Before: end}); err != nil {
		return err
	}
	return log.Prune(ctx, end)
}

// newest is the time of the latest entry of the bundle that begins at an index,
// zero when it has none.
func newest(ctx context.Context, log *ledger.Log, first int64) (at time.Time, err error) {
	err = ledger.Entries(ctx, log, first, first+ledger.Width, func(_ int64, text []byte) (bool, error) {
		if e, err := ledger.ParseEntry(text); err == nil && e.Time.After(at) {
			at = e.Time
		}
		return true, nil
	})
	return at, err
}
