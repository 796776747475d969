package ledger

// resume takes the tree of the bundles that an earlier audit has verified.
func (r *run) resume() (err error) {
	r.at = min(r.From.Size, r.Size) / Width * Width
	for level, w := range widths(r.at) {
		var row []Hash
		if w > 0 {
			// As wide as it is now: a copy in files has no other.
			n := r.at >> (height * level) / Width
			t := tile(level, n, int(min(Width, r.Size>>(height*level)-n*Width)))
			if row, err = r.tile(t); err != nil {
				return err
			}
			if len(row) < w {
				r.found(path(t), -1, "it has %d hashes, must have %d", len(row), w)
				row = append(row, make([]Hash, w-len(row))...)
			}
			row = row[:w:w] // what follows grows behind it
		}
		r.edge = append(r.edge, row)
	}
	r.compareKnown()
	return nil
}

// proveKnown compares the log with a checkpoint of a part that is not read again.
func (r *run) proveKnown(c Checkpoint) {
	p, err := ProveConsistency(r.ctx, r.Log, r.Checkpoint, c.Size)
	if err == nil {
		err = CheckConsistency(p, c, r.Checkpoint)
	}
	if err != nil {
		r.found(CheckpointPath, -1, "%v", err)
	}
}

// compareKnown compares the tree so far with checkpoints of its size.
func (r *run) compareKnown() {
	for _, c := range r.Known {
		if c.Size != r.at || r.at == 0 {
			continue
		}
		if root, err := r.edge.root(r.at); err != nil || root != c.Root {
			r.found(CheckpointPath, r.sound, "the first %d entries are not those of the checkpoint of that size: the log was rewritten or forked from entry %d on, or later", r.at, r.sound)
			continue
		}
		r.sound = r.at
	}
}
