package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/journal"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
	"golang.org/x/mod/sumdb/note"
)

// disk is a storage that counts, and fails when told to.
type disk struct {
	mu     sync.Mutex
	values map[string][]byte
	writes int
	fail   func() (happens, fails bool) // asked before each change
}

func (d *disk) Read(_ context.Context, path string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	v, ok := d.values[path]
	if !ok {
		return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	return bytes.Clone(v), nil
}

func (d *disk) change(do func()) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	happens, fails := true, false
	if d.fail != nil {
		happens, fails = d.fail()
	}
	if happens {
		d.writes++
		do()
	}
	if fails {
		return errors.New("storage failed")
	}
	return nil
}

func (d *disk) Write(_ context.Context, key string, value []byte) error {
	return d.change(func() {
		if d.values == nil {
			d.values = map[string][]byte{}
		}
		d.values[key] = bytes.Clone(value)
	})
}

func (d *disk) Delete(_ context.Context, key string) error {
	return d.change(func() { delete(d.values, key) })
}

func (d *disk) counted(f func()) int {
	before := d.writes
	f()
	return d.writes - before
}

// fataler is a testing.T or a rapid.T.
type fataler interface {
	Fatal(...any)
	Fatalf(string, ...any)
}

// rig is a journal with a clock of its own, which writes when told to.
type rig struct {
	t    fataler
	disk *disk
	now  time.Time
	*journal.Journal
}

func newRig(t fataler) *rig {
	r := &rig{t: t, disk: &disk{}, now: time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)}
	r.start()
	if err := r.Begin(context.Background(), "vault.example.com/v1/ramp"); err != nil {
		t.Fatal(err)
	}
	return r
}

// start makes a new journal on the same disk, as after a crash.
func (r *rig) start() {
	r.Journal = journal.New(func() time.Time { return r.now }, func() time.Time { return r.now.Add(24 * time.Hour) }, func(err error) { r.t.Fatal(err) })
	r.Wait = time.Hour
	r.Attach(r.disk)
}

func (r *rig) issue(jti string) journal.Position {
	p, err := r.Add(context.Background(), r.entry(ledger.Issue, jti))
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

func (r *rig) entry(kind, jti string) ledger.Entry {
	return ledger.Entry{Time: r.now, Type: kind, JTI: jti}
}

func (r *rig) flush() {
	if err := r.Flush(context.Background()); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) log() *ledger.Log {
	l, err := r.Log(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	return l
}

// entries audits the ledger and returns what it holds.
func (r *rig) entries(known ...ledger.Checkpoint) []ledger.Entry {
	_, keys, err := r.Keys(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	key, err := note.NewVerifier(keys[0].Text)
	if err != nil {
		r.t.Fatal(err)
	}
	var list []ledger.Entry
	result, err := (&ledger.Audit{Log: r.log(), Keys: []note.Verifier{key}, Known: known, Each: func(_ int64, text []byte) error {
		e, err := ledger.ParseEntry(text)
		list = append(list, *e)
		return err
	}}).Run(context.Background())
	if err != nil || len(result.Findings) > 0 {
		r.t.Fatalf("%+v, %v", result, err)
	}
	return list
}

// count is how many entries of a type are about a credential.
func count(list []ledger.Entry, kind, jti string) (n int) {
	for _, e := range list {
		if e.Type == kind && e.JTI == jti {
			n++
		}
	}
	return n
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
