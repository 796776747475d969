package ledger

import "golang.org/x/mod/sumdb/tlog"

// tile reads the hashes of a tile, none when it is missing.
func (r *run) tile(t tlog.Tile) ([]Hash, error) {
	data, err := r.Log.Read(r.ctx, path(t))
	if err != nil && !absent(err) {
		return nil, err
	}
	if len(data)%tlog.HashSize != 0 {
		return nil, nil
	}
	return rows(data), nil
}

// finished compares a tile above the lowest level, once complete, with what
// lies below it.
func (r *run) finished(t tlog.Tile, row []Hash) error {
	if t.L == 0 || t.W < Width {
		return nil
	}
	return r.compare(t, row)
}

// unfinished does so with the last tile of each level.
func (r *run) unfinished() error {
	for level, w := range widths(r.Size) {
		if level > 0 && w > 0 {
			if err := r.compare(tile(level, r.Size>>(height*level)/Width, w), r.edge[level]); err != nil {
				return err
			}
		}
	}
	return nil
}

// compare reports the first hash of a tile that is not that of the tile below,
// and corrects row where the tile below could not be judged.
func (r *run) compare(t tlog.Tile, row []Hash) error {
	stored, err := r.tile(t)
	if err != nil {
		return err
	}
	if len(stored) != t.W {
		r.found(path(t), -1, "it has %d hashes, must have %d", len(stored), t.W)
		return nil
	}
	for i := range row {
		if row[i] == stored[i] {
			continue
		}
		below := t.N*Width + int64(i)
		if t.L == 1 && r.doubt[below] {
			row[i] = stored[i]
			continue
		}
		r.found(path(t), below<<(height*t.L), "its hash %d is not that of %s", i, path(tile(t.L-1, below, Width)))
	}
	return nil
}
