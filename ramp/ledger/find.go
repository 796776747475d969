package ledger

import (
	"context"
	"sort"
	"time"
)

// slack is by how much the order of the log and that of time may differ.
const slack = time.Minute

// Find returns the first entry logged at a time or later that matches, nil
// when there is none. It reads a handful of bundles to find the place, then all
// from there up to the match. Entries that a crash lost are found too: they were
// appended later.
func Find(ctx context.Context, r Reader, size int64, from time.Time, match func(*Entry) bool) (index int64, found *Entry, err error) {
	bundles := (size + Width - 1) / Width
	start := sort.Search(int(bundles), func(n int) bool {
		at, ok := logged(ctx, r, int64(n), size, &err)
		return ok && !at.Before(from.Add(-slack))
	})
	if err != nil {
		return 0, nil, err
	}
	err = Entries(ctx, r, max(0, int64(start)-1)*Width, size, func(i int64, text []byte) (bool, error) {
		if e, err := ParseEntry(text); err == nil && match(e) {
			index, found = i, e
		}
		return found == nil, nil
	})
	return index, found, err
}

// logged is when the first entry of a bundle that was not recovered happened,
// false when there is none, as in bundles that were pruned: those are the oldest.
func logged(ctx context.Context, r Reader, n, size int64, failed *error) (at time.Time, ok bool) {
	err := Entries(ctx, r, n*Width, min((n+1)*Width, size), func(_ int64, text []byte) (bool, error) {
		if e, err := ParseEntry(text); err == nil && !e.Recovered {
			at, ok = e.Time, true
		}
		return !ok, nil
	})
	if err != nil {
		*failed = err
	}
	return at, ok
}
