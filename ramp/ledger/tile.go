package ledger

import (
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Width is the number of entries in a full bundle and of hashes in a full tile.
const Width = 1 << height

const (
	height       = 8
	entriesLevel = -1 // of a tlog.Tile: the bundle of entries
	// CheckpointPath is where the signed checkpoint is read.
	CheckpointPath = "checkpoint"
)

func tile(level int, n int64, w int) tlog.Tile { return tlog.Tile{H: height, L: level, N: n, W: w} }

// path is where tlog-tiles has a tile: it leaves out the height, which is 8,
// and says entries where Go's checksum database says data.
func path(t tlog.Tile) string {
	p := strings.TrimPrefix(t.Path(), "tile/8/")
	if t.L == entriesLevel {
		p = "entries" + strings.TrimPrefix(p, "data")
	}
	return "tile/" + p
}

func parsePath(p string) (tlog.Tile, error) {
	rest := strings.TrimPrefix(p, "tile/")
	if numbers, ok := strings.CutPrefix(rest, "entries/"); ok {
		rest = "data/" + numbers
	}
	t, err := tlog.ParseTilePath("tile/8/" + rest)
	if err != nil || path(t) != p || t.L > 7 || t.N < 0 {
		return t, fmt.Errorf("%.80q is not the path of a tile: tile/<level>/<n> or tile/entries/<n>, the number in groups of three digits as in x001/x234/067, and .p/<width> when it is partial", p)
	}
	return t, nil
}

// appendEntry adds an entry to a bundle: its length in two bytes, and itself.
func appendEntry(bundle, entry []byte) []byte {
	bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(entry)))
	return append(bundle, entry...)
}

// splitBundle returns the entries of a bundle, and what is wrong when it ends
// in the middle of one.
func splitBundle(bundle []byte) ([][]byte, error) {
	var entries [][]byte
	for len(bundle) > 0 {
		if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
			return entries, fmt.Errorf("ends in the middle of its entry %d", len(entries))
		}
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		entries = append(entries, bundle[2:end])
		bundle = bundle[end:]
	}
	return entries, nil
}

// firstEntries returns the part of a bundle that holds its first w entries,
// nil when it has fewer.
func firstEntries(bundle []byte, w int) []byte {
	end := 0
	for range w {
		if len(bundle) < end+2 {
			return nil
		}
		end += 2 + int(binary.BigEndian.Uint16(bundle[end:]))
		if len(bundle) < end {
			return nil
		}
	}
	return bundle[:end]
}
