package ledger

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// emptyRoot is the root of a tree without entries (RFC 6962 section 2.1).
var emptyRoot = Hash(sha256.Sum256(nil))

// edge is the right edge of a tree: for each level the hashes of its last,
// unfinished tile. It is all that is needed to append, and to know the root.
type edge [][]Hash

// grow appends a hash to a level, and hands every tile that is complete, or
// grew above the lowest level, to write. A complete tile's hash goes one up.
func (e *edge) grow(level int, n int64, h Hash, write func(tlog.Tile, []Hash) error) error {
	for len(*e) <= level {
		*e = append(*e, nil)
	}
	row := append((*e)[level], h)
	(*e)[level] = row
	if level == 0 && len(row) < Width {
		return nil // found in the tail
	}
	if err := write(tile(level, n/Width, len(row)), row); err != nil || len(row) < Width {
		return err
	}
	(*e)[level] = nil
	return e.grow(level+1, n/Width, tileRoot(row), write)
}

func (e edge) clone() edge {
	copied := make(edge, len(e))
	for i, row := range e {
		copied[i] = slices.Clone(row)
	}
	return copied
}

// root is the root hash of the tree of a size that the edge belongs to.
func (e edge) root(size int64) (Hash, error) {
	if size == 0 {
		return emptyRoot, nil
	}
	return tlog.TreeHash(size, tlog.HashReaderFunc(func(indexes []int64) ([]Hash, error) {
		hashes := make([]Hash, len(indexes))
		for i, index := range indexes {
			t := tlog.TileForIndex(height, index)
			if t.L >= len(e) || len(e[t.L]) < t.W {
				return nil, fmt.Errorf("edge of a log of %d entries has no %s", size, path(t))
			}
			var err error
			if hashes[i], err = tlog.HashFromTile(t, flat(e[t.L][:t.W]), index); err != nil {
				return nil, err
			}
		}
		return hashes, nil
	}))
}

// tileRoot is the hash of a complete tile.
func tileRoot(row []Hash) Hash {
	if len(row) == 1 {
		return row[0]
	}
	return tlog.NodeHash(tileRoot(row[:len(row)/2]), tileRoot(row[len(row)/2:]))
}

func flat(row []Hash) []byte {
	data := make([]byte, 0, len(row)*tlog.HashSize)
	for _, h := range row {
		data = append(data, h[:]...)
	}
	return data
}

// rows is the opposite of flat; what is left over of a hash is dropped.
func rows(data []byte) []Hash {
	row := make([]Hash, len(data)/tlog.HashSize)
	for i := range row {
		copy(row[i][:], data[i*tlog.HashSize:])
	}
	return row
}

// widths is the width of the unfinished tile at each level of a tree.
func widths(size int64) []int {
	var w []int
	for ; size > 0; size /= Width {
		w = append(w, int(size%Width))
	}
	return w
}
