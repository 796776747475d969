package ledger

import (
	"golang.org/x/mod/sumdb/tlog"
)

// bundle is one bundle of entries in an audit, and the tile of their hashes.
type bundle struct {
	n       int64
	entries tlog.Tile
	tile    tlog.Tile

	bodies [][]byte
	broken error  // why there are no more bodies
	leaves []Hash // of bodies
	row    []Hash // the tile
}

func (b *bundle) read(r *run) (err error) {
	if b.row, err = r.tile(b.tile); err != nil {
		return err
	}
	data, err := r.Log.Read(r.ctx, path(b.entries))
	switch {
	case absent(err):
		r.missing = append(r.missing, b.n)
		return nil
	case err != nil:
		return err
	}
	b.bodies, b.broken = splitBundle(data)
	for _, body := range b.bodies {
		b.leaves = append(b.leaves, tlog.RecordHash(body))
	}
	return nil
}

// judge reports what is wrong with the bundle, and returns the hashes that are
// right as far as can be known.
func (b *bundle) judge(r *run) ([]Hash, error) {
	w := b.tile.W
	differ := b.differ()
	if differ < 0 && len(b.row) == w && len(b.leaves) == w {
		return b.row, nil
	}
	whole := func(row []Hash) (bool, error) { return r.signed(b.tile, row) }
	tileGood, err := whole(b.row)
	if err != nil {
		return nil, err
	}
	entriesGood, err := whole(b.leaves)
	if err != nil {
		return nil, err
	}
	first := b.n*Width + int64(max(differ, 0))
	switch {
	case tileGood:
	case len(b.row) != w:
		r.found(path(b.tile), b.n*Width, "it has %d hashes, must have %d", len(b.row), w)
	case entriesGood:
		r.found(path(b.tile), first, "its hash %d is not that of the entry %d that was logged", first%Width, first)
	default:
		r.found(path(b.tile), b.n*Width, "it is not what was logged")
	}
	if missing := b.leaves == nil && b.broken == nil && absentBundle(r, b.n); !entriesGood && !missing {
		b.blame(r, first)
	}
	switch {
	case tileGood:
		return b.row, nil
	case entriesGood:
		return b.leaves, nil
	}
	r.doubt[b.n] = true
	return append(b.row[:min(w, len(b.row))], make([]Hash, max(0, w-len(b.row)))...), nil
}

func absentBundle(r *run, n int64) bool {
	return len(r.missing) > 0 && r.missing[len(r.missing)-1] == n
}

// blame reports what is wrong with the entries; the first is where they begin
// to differ from the tile.
func (b *bundle) blame(r *run, first int64) {
	p := path(b.entries)
	switch {
	case b.broken != nil:
		r.found(p, first, "it %v; from entry %d on it is not what was logged", b.broken, first)
	case len(b.bodies) != b.tile.W:
		r.found(p, first, "it holds %d entries, must hold %d; from entry %d on it is not what was logged", len(b.bodies), b.tile.W, first)
	default:
		wrong := 0
		for i := range b.leaves {
			if i < len(b.row) && b.leaves[i] != b.row[i] {
				wrong++
			}
		}
		r.found(p, first, "entry %d is not the one that was logged (%d of %d differ)", first, wrong, b.tile.W)
	}
}

// differ is the first place at which entries and tile differ, -1 for none.
func (b *bundle) differ() int {
	for i := range max(len(b.leaves), len(b.row)) {
		if i >= len(b.leaves) || i >= len(b.row) || b.leaves[i] != b.row[i] {
			return i
		}
	}
	return -1
}

// signed reports whether a row of hashes is what the rest of the log says of a
// tile: the tile above it, or the checkpoint for the last one.
func (r *run) signed(t tlog.Tile, row []Hash) (bool, error) {
	if len(row) != t.W {
		return false, nil
	}
	if t.W < Width {
		e := r.edge.clone()
		if len(e) == 0 {
			e = edge{nil}
		}
		e[0] = row
		root, err := e.root(r.Size)
		return err == nil && root == r.Checkpoint.Root, nil
	}
	above := tile(1, t.N/Width, int(min(Width, r.Size>>height-t.N/Width*Width)))
	parent, err := r.tile(above)
	i := int(t.N % Width)
	return i < len(parent) && parent[i] == tileRoot(row), err
}
