package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/mirror"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// readCheckpoints reads checkpoints that were kept.
func readCheckpoints(names []string, stdin io.Reader) (list []ledger.Checkpoint, err error) {
	for _, name := range names {
		files := []string{name}
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			if files, err = filepath.Glob(filepath.Join(name, "*.checkpoint")); err != nil || len(files) == 0 {
				return nil, fmt.Errorf("-checkpoint=%s: the directory has no *.checkpoint", name)
			}
		}
		for _, file := range files {
			var text []byte
			if file == "-" {
				text, err = io.ReadAll(io.LimitReader(stdin, 1<<20))
			} else {
				text, err = os.ReadFile(file)
			}
			if err != nil {
				return nil, err
			}
			c, err := ledger.ParseCheckpoint(string(text))
			if err != nil {
				return nil, fmt.Errorf("-checkpoint=%s: %w", file, err)
			}
			list = append(list, c)
		}
	}
	return list, nil
}

// progressFile remembers how far an audit is, as a checkpoint.
type progressFile struct {
	name  string // "" for none
	at    ledger.Checkpoint
	saved time.Time
}

func (p *progressFile) load() error {
	if p.name == "" {
		return nil
	}
	text, err := os.ReadFile(p.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		p.at, err = ledger.ParseCheckpoint(string(text))
	}
	if err != nil {
		return fmt.Errorf("-from=%s: %w", p.name, err)
	}
	return nil
}

// keep takes what was reached, and saves it now and then.
func (p *progressFile) keep(done ledger.Checkpoint, now time.Time) {
	p.at = done
	if now.Sub(p.saved) > time.Second {
		p.saved = now
		_ = p.save() // the last save tells
	}
}

func (p *progressFile) save() error {
	if p.name == "" || p.at.Size == 0 {
		return nil
	}
	return mirror.Replace(p.name, []byte(p.at.Body()))
}
