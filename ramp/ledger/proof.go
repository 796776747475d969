package ledger

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Proof is the hashes that take an entry to a root (inclusion), or an older
// root to a newer one (consistency), as in RFC 6962 sections 2.1.1 and 2.1.2.
type Proof []Hash

// ProveInclusion proves that the log of a checkpoint holds the entry of an
// index. Tiles that do not belong to the checkpoint are refused.
func ProveInclusion(ctx context.Context, r Reader, c Checkpoint, index int64) (Proof, error) {
	if index < 0 || index >= c.Size {
		return nil, fmt.Errorf("a log of %d entries has no entry %d", c.Size, index)
	}
	p, err := tlog.ProveRecord(c.Size, index, hashes(ctx, r, c))
	return Proof(p), err
}

// ProveConsistency proves that the log of a checkpoint begins with the entries
// it had at an earlier size.
func ProveConsistency(ctx context.Context, r Reader, c Checkpoint, size int64) (Proof, error) {
	if size < 0 || size > c.Size {
		return nil, fmt.Errorf("the log has %d entries, it was never of size %d", c.Size, size)
	}
	if size == 0 || size == c.Size {
		return nil, nil
	}
	p, err := tlog.ProveTree(c.Size, size, hashes(ctx, r, c))
	return Proof(p), err
}

// CheckInclusion returns an error unless p proves that the log of a checkpoint
// has entry at index.
func CheckInclusion(p Proof, c Checkpoint, index int64, entry []byte) error {
	if index < 0 || index >= c.Size {
		return fmt.Errorf("a log of %d entries has no entry %d", c.Size, index)
	}
	if err := tlog.CheckRecord(tlog.RecordProof(p), c.Size, c.Root, index, tlog.RecordHash(entry)); err != nil {
		return fmt.Errorf("entry %d is not in the log of the checkpoint of size %d", index, c.Size)
	}
	return nil
}

// CheckConsistency returns an error unless p proves that the log of a newer
// checkpoint begins with that of an older one.
func CheckConsistency(p Proof, older, newer Checkpoint) error {
	fork := fmt.Errorf("the log of size %d does not begin with that of size %d: one of them was forged", newer.Size, older.Size)
	switch {
	case older.Origin != newer.Origin:
		return fmt.Errorf("checkpoints of two logs: %q and %q", older.Origin, newer.Origin)
	case older.Size > newer.Size:
		return fmt.Errorf("the log shrank from %d to %d entries", older.Size, newer.Size)
	case older.Size == newer.Size && older.Root != newer.Root:
		return fork
	case older.Size == newer.Size || older.Size == 0:
		return nil
	}
	if tlog.CheckTree(tlog.TreeProof(p), newer.Size, newer.Root, older.Size, older.Root) != nil {
		return fork
	}
	return nil
}

// hashes reads hashes from tiles, each proved to belong to the checkpoint.
func hashes(ctx context.Context, r Reader, c Checkpoint) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: c.Size, Hash: c.Root}, &tileReader{ctx, r})
}

// tileReader reads tiles for package tlog, which knows no context.
type tileReader struct {
	ctx context.Context
	r   Reader
}

func (t *tileReader) Height() int { return height }

func (t *tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		var err error
		if data[i], err = t.r.Read(t.ctx, path(tile)); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func (t *tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

// LeafHash is the hash of the entry of an index, also when its body was pruned.
func LeafHash(ctx context.Context, r Reader, c Checkpoint, index int64) (Hash, error) {
	found, err := hashes(ctx, r, c).ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
	if err != nil {
		return Hash{}, err
	}
	return found[0], nil
}
