// Package mirror keeps a ledger in a directory, as the static files of C2SP
// tlog-tiles that any web server can serve.
package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// Dir is a directory with a ledger. It implements [ledger.Reader].
type Dir string

// Read reads a file of the ledger.
func (d Dir) Read(_ context.Context, path string) ([]byte, error) {
	if !filepath.IsLocal(path) {
		return nil, fmt.Errorf("%q: %w", path, fs.ErrNotExist)
	}
	return os.ReadFile(filepath.Join(string(d), filepath.FromSlash(path)))
}

// Write writes a file whole or not at all.
func (d Dir) Write(path string, data []byte) error {
	name := filepath.Join(string(d), filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	return Replace(name, data)
}

// Replace writes a file whole or not at all.
func Replace(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// Copy reads a ledger and leaves what it reads in a directory. What is there
// is not asked for again: it never changes. Only the checkpoint does. Every
// reader of a copy sees the same one, which [Copy.Finish] puts there, so that
// the directory is a ledger whenever it has one.
type Copy struct {
	From ledger.Reader
	To   Dir

	checkpoint []byte
}

// Read implements [ledger.Reader].
func (c *Copy) Read(ctx context.Context, path string) ([]byte, error) {
	if path == ledger.CheckpointPath {
		if c.checkpoint != nil {
			return c.checkpoint, nil
		}
		data, err := c.From.Read(ctx, path)
		c.checkpoint = data
		return data, err
	}
	data, err := c.To.Read(ctx, path)
	if !errors.Is(err, fs.ErrNotExist) {
		return data, err
	}
	if data, err = c.From.Read(ctx, path); err != nil {
		return nil, err
	}
	return data, c.To.Write(path, data)
}

// Finish completes the copy when all has been read.
func (c *Copy) Finish() error {
	if err := c.To.Write(ledger.CheckpointPath, c.checkpoint); err != nil {
		return err
	}
	return c.To.tidy()
}

// Unsound is where [Copy.Reject] leaves a checkpoint.
const Unsound = ledger.CheckpointPath + ".unsound"

// Reject ends a copy of a ledger that contradicts the one that is there: what
// is there stays, and the checkpoint is kept beside it as evidence.
func (c *Copy) Reject() error { return c.To.Write(Unsound, c.checkpoint) }

// tidy removes the parts of tiles that are there as a whole.
func (d Dir) tidy() error {
	return filepath.WalkDir(filepath.Join(string(d), "tile"), func(name string, e fs.DirEntry, err error) error {
		whole, parts := strings.CutSuffix(name, ".p")
		if err != nil || !e.IsDir() || !parts {
			return err
		}
		if _, err := os.Stat(whole); errors.Is(err, fs.ErrNotExist) {
			return fs.SkipDir
		} else if err != nil {
			return err
		}
		if err := os.RemoveAll(name); err != nil {
			return err
		}
		return fs.SkipDir
	})
}

// Checkpoint is the one that an earlier copy left, nil when there is none. Its
// signature is not verified.
func (d Dir) Checkpoint(ctx context.Context) (*ledger.Checkpoint, error) {
	text, err := d.Read(ctx, ledger.CheckpointPath)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	c, err := ledger.ParseCheckpoint(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(string(d), ledger.CheckpointPath), err)
	}
	return &c, nil
}
