package ledger

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// What storage holds beside tiles. The entries of the unfinished bundle lie in
// segments, one for each commit, so that a commit writes no more than is new.
// A segment's slot is its first index modulo two bundles: old segments are
// overwritten and need no clean-up, and a commit, which finishes one bundle at
// most, never overwrites what the head before it needs.
const headKey = "head"

func tailKey(first int64) string { return fmt.Sprintf("tail/%03d", first%(2*Width)) }

// head is what makes a commit count.
type head struct {
	Checkpoint string          `json:"checkpoint"`
	Memo       json.RawMessage `json:"memo,omitempty"`
	Pruned     int64           `json:"pruned,omitempty"`
}

func readHead(ctx context.Context, r Reader) (*head, error) {
	data, err := r.Read(ctx, headKey)
	if err != nil {
		return nil, err
	}
	h := &head{}
	if err := json.Unmarshal(data, h); err != nil {
		return nil, &Damage{fmt.Errorf("read %s: %w", headKey, err)}
	}
	return h, nil
}

func writeHead(ctx context.Context, s Storage, at *state) error {
	data, err := json.Marshal(head{string(at.signed), at.memo, at.pruned})
	if err != nil {
		return err
	}
	return s.Write(ctx, headKey, data)
}

// writeTail writes the segment of a commit that took the log from a size to at.
func writeTail(ctx context.Context, s Storage, from int64, at *state) error {
	first := max(from, at.Size-int64(len(at.tail)))
	if first == at.Size {
		return nil
	}
	fresh := at.tail[len(at.tail)-int(at.Size-first):]
	return s.Write(ctx, tailKey(first), append(binary.BigEndian.AppendUint64(nil, uint64(first)), joinBundle(fresh)...))
}

func joinBundle(entries [][]byte) []byte {
	var bundle []byte
	for _, entry := range entries {
		bundle = appendEntry(bundle, entry)
	}
	return bundle
}

// load fills the log from storage, and compares it with what was signed. What
// is damaged is loaded as far as possible, for those who look into it.
func (l *Log) load(ctx context.Context, h *head, keys []note.Verifier) error {
	l.at.signed, l.at.memo, l.at.pruned = []byte(h.Checkpoint), h.Memo, h.Pruned
	cp, err := OpenCheckpoint(l.at.signed, keys...)
	if err != nil {
		return &Damage{err}
	}
	if cp.Origin != l.at.Origin {
		return &Damage{fmt.Errorf("it is the log %q, not %q", cp.Origin, l.at.Origin)}
	}
	l.at.Checkpoint = cp
	var lost, short error
	l.at.tail, lost = readTail(ctx, l.storage, cp.Size)
	l.at.edge, short = readEdge(ctx, l.storage, cp.Size, l.at.tail)
	if err := errors.Join(lost, short); err != nil {
		return err
	}
	root, err := l.at.edge.root(cp.Size)
	if err != nil {
		return &Damage{err}
	}
	if root != cp.Root {
		return &Damage{fmt.Errorf("the entries from %d on, or the last tiles, are not those of the checkpoint of size %d", cp.Size-int64(len(l.at.tail)), cp.Size)}
	}
	return nil
}

// readTail returns the entries of the unfinished bundle.
func readTail(ctx context.Context, r Reader, size int64) ([][]byte, error) {
	var tail [][]byte
	for at := size - size%Width; at < size; {
		data, err := r.Read(ctx, tailKey(at))
		if err != nil && !absent(err) {
			return tail, err
		}
		if err != nil || len(data) < 8 || binary.BigEndian.Uint64(data) != uint64(at) {
			return tail, &Damage{fmt.Errorf("entry %d is missing: %s does not hold it", at, tailKey(at))}
		}
		entries, err := splitBundle(data[8:])
		if err != nil || len(entries) == 0 || int64(len(entries)) > size-at {
			return tail, &Damage{fmt.Errorf("%s, which holds the entries from %d on, is damaged", tailKey(at), at)}
		}
		tail = append(tail, entries...)
		at += int64(len(entries))
	}
	return tail, nil
}

// readEdge returns the right edge of a log of a size, whose tail is known.
func readEdge(ctx context.Context, r Reader, size int64, tail [][]byte) (edge, error) {
	var e edge
	var errs []error
	for level, w := range widths(size) {
		var row []Hash
		switch {
		case level == 0:
			for _, entry := range tail {
				row = append(row, tlog.RecordHash(entry))
			}
		case w > 0:
			t := tile(level, size>>(height*level)/Width, Width)
			data, err := r.Read(ctx, path(t))
			if err != nil && !absent(err) {
				errs = append(errs, err)
			} else if row = rows(data); len(row) < w {
				errs = append(errs, &Damage{fmt.Errorf("%s has %d hashes, must have %d", path(t), len(row), w)})
			}
			row = row[:min(w, len(row))]
		}
		e = append(e, row)
	}
	return e, errors.Join(errs...)
}
