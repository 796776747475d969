// Package ledger is an append-only Merkle log: what was issued, refused,
// revoked and changed, in an order that nobody can rewrite unnoticed.
//
// Hashes are those of RFC 6962. Whoever audits a log reads the layout of
// C2SP tlog-tiles (https://c2sp.org/tlog-tiles) below some prefix:
//
//	checkpoint                 size and root hash, signed (https://c2sp.org/tlog-checkpoint)
//	tile/entries/<n>[.p/<w>]   entries 256·n and following
//	tile/<level>/<n>[.p/<w>]   hashes
//
// The package reads no clock and knows neither network nor Vault: a [Log]
// appends to a [Storage], an [Audit] verifies whatever a [Reader] reads.
package ledger

import (
	"context"
	"errors"
	"io/fs"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 hash of the tree.
type Hash = tlog.Hash

// Reader reads a log by path. What does not exist is [fs.ErrNotExist].
type Reader interface {
	Read(ctx context.Context, path string) ([]byte, error)
}

// Storage keeps small values by key, each written whole or not at all, and
// what was written is there after a crash. A write that returns an error may
// have happened. One log writes to it at a time.
type Storage interface {
	Reader
	Write(ctx context.Context, key string, value []byte) error
	Delete(ctx context.Context, key string) error // of what is not there: success
}

func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) }
