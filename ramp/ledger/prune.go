package ledger

import "context"

// Prune drops the bodies of the entries before an index, as far as they fill
// bundles. The hashes stay, and with them all proofs. The caller has appended
// an entry of type prune that names the index first: an audit asks for it.
// Interrupted, it is to be repeated.
func (l *Log) Prune(ctx context.Context, before int64) error {
	l.appending.Lock()
	defer l.appending.Unlock()
	if l.damage != nil {
		return l.damage
	}
	at := l.now()
	for n := at.pruned / Width; n < min(before, at.Size)/Width; n++ {
		if err := l.storage.Delete(ctx, path(tile(entriesLevel, n, Width))); err != nil {
			return err
		}
		l.mu.Lock()
		l.at.pruned = (n + 1) * Width // stored with the next commit
		l.mu.Unlock()
	}
	return nil
}
