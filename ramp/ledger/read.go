package ledger

import (
	"context"
	"fmt"
	"io/fs"

	"golang.org/x/mod/sumdb/tlog"
)

// Read implements [Reader]: the checkpoint and every tile and bundle of the
// log, at each width up to the present one.
func (l *Log) Read(ctx context.Context, p string) ([]byte, error) {
	at := l.now()
	if p == CheckpointPath {
		return at.signed, nil
	}
	t, err := parsePath(p)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return l.readTile(ctx, &at, t)
}

func (l *Log) readTile(ctx context.Context, at *state, t tlog.Tile) ([]byte, error) {
	level := max(t.L, 0)
	rows := at.Size >> (height * level)
	if t.N > rows/Width || t.N*Width+int64(t.W) > rows {
		return nil, fmt.Errorf("%w: a log of %d entries has no %s", fs.ErrNotExist, at.Size, path(t))
	}
	if level == 0 && t.N == rows/Width {
		if t.L == entriesLevel {
			return joinBundle(at.tail[:min(t.W, len(at.tail))]), nil
		}
		row := at.edge[0]
		return flat(row[:min(t.W, len(row))]), nil
	}
	whole := t
	whole.W = Width
	data, err := l.storage.Read(ctx, path(whole))
	if err != nil {
		return nil, err
	}
	if t.L != entriesLevel {
		return data[:min(len(data), t.W*tlog.HashSize)], nil
	}
	if part := firstEntries(data, t.W); part != nil && t.W < Width {
		return part, nil
	}
	return data, nil // if it is damaged, whoever reads it gets to see that
}

// Entries calls each with the entries from an index on, in order, until it
// returns false or the log, of which the reader has size entries, ends.
// Bundles that are not there, because they were pruned, are left out: whether
// they may be missing is for an [Audit] to say.
func Entries(ctx context.Context, r Reader, from, size int64, each func(index int64, entry []byte) (bool, error)) error {
	for n := from / Width; n*Width < size; n++ {
		p := path(tile(entriesLevel, n, int(min(Width, size-n*Width))))
		data, err := r.Read(ctx, p)
		if absent(err) {
			continue
		} else if err != nil {
			return err
		}
		entries, err := splitBundle(data)
		if err != nil {
			return &Damage{fmt.Errorf("%s %w", p, err)}
		}
		for i, entry := range entries {
			index := n*Width + int64(i)
			if index < from {
				continue
			}
			if more, err := each(index, entry); err != nil || !more {
				return err
			}
		}
	}
	return nil
}
