package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Log is a log at work. Readers may use it while one appends.
type Log struct {
	storage Storage
	signers []note.Signer
	damage  error

	appending sync.Mutex
	unsure    [][]byte // entries of an append that failed, nil after success
	mu        sync.RWMutex
	at        state
}

// state is a log at some size. What it refers to never changes.
type state struct {
	Checkpoint
	signed []byte
	memo   json.RawMessage
	pruned int64
	edge   edge
	tail   [][]byte // entries of the unfinished bundle
}

// Commit is what [Log.Append] made durable.
type Commit struct {
	First int64 // index of the first entry
	Size  int64 // of the log with them
}

// Damage says that storage does not hold what the log has signed.
type Damage struct{ Err error }

func (d *Damage) Error() string { return "ledger is damaged: " + d.Err.Error() }

func (d *Damage) Unwrap() error { return d.Err }

// Open returns the log in storage, a new one if there is none. The signers all
// sign each checkpoint; the name of the first is the origin of the log, and one
// of them, or of the verifiers in also, must have signed what is there.
//
// With a *[Damage] error the log is returned too: it can be read, to find out
// what is wrong, and refuses to append.
func Open(ctx context.Context, s Storage, keys []note.Verifier, signers ...note.Signer) (*Log, error) {
	l := &Log{storage: s, signers: signers}
	l.at.Origin, l.at.Root = signers[0].Name(), emptyRoot
	h, err := readHead(ctx, s)
	if absent(err) {
		err = l.begin(ctx)
	} else if err == nil {
		err = l.load(ctx, h, keys)
	}
	var damage *Damage
	if errors.As(err, &damage) {
		l.damage = err
		return l, err
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// begin stores the head of an empty log, before anything else: entries without
// a head are no crash.
func (l *Log) begin(ctx context.Context) (err error) {
	if l.at.signed, err = l.at.Sign(l.signers...); err != nil {
		return err
	}
	for _, first := range []string{tailKey(0), path(tile(0, 0, Width))} {
		if _, err := l.storage.Read(ctx, first); err == nil {
			return &Damage{fmt.Errorf("%s is missing, and %s is there", headKey, first)}
		} else if !absent(err) {
			return err
		}
	}
	return writeHead(ctx, l.storage, &l.at)
}

// SignWith changes who signs the checkpoints of later commits.
func (l *Log) SignWith(signers ...note.Signer) {
	l.appending.Lock()
	defer l.appending.Unlock()
	l.signers = signers
}

// Memo is what was stored with the last commit.
func (l *Log) Memo() json.RawMessage { return l.now().memo }

// Checkpoint is the current one, and as a signed note.
func (l *Log) Checkpoint() (Checkpoint, []byte) {
	at := l.now()
	return at.Checkpoint, at.signed
}

// Pruned is the index of the first entry whose body was kept.
func (l *Log) Pruned() int64 { return l.now().pruned }

func (l *Log) now() state {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.at
}

// MaxBatch is how many entries one Append takes.
const MaxBatch = Width

// Append adds entries, and stores memo with them; without entries, memo alone.
// When it returns without error, all of it is durable, and visible to readers.
//
// When it fails, they may be in storage or not, and the next Append has to have
// the same entries. A crash at any moment leaves the log as it was before or as
// it is after.
func (l *Log) Append(ctx context.Context, entries [][]byte, memo json.RawMessage) (Commit, error) {
	l.appending.Lock()
	defer l.appending.Unlock()
	if l.damage != nil {
		return Commit{}, l.damage
	}
	if len(entries) > MaxBatch {
		return Commit{}, fmt.Errorf("%d entries at once, the limit is %d", len(entries), MaxBatch)
	}
	if l.unsure != nil && !slices.EqualFunc(l.unsure, entries, bytes.Equal) {
		return Commit{}, errors.New("the append before failed and has to be repeated first")
	}
	was := l.now()
	next := was
	next.memo, next.edge, next.tail = memo, was.edge.clone(), slices.Clip(was.tail)
	for _, entry := range entries {
		if len(entry) > MaxEntry {
			return Commit{}, fmt.Errorf("entry has %d bytes, the limit is %d", len(entry), MaxEntry)
		}
	}
	l.unsure = slices.Clone(entries)
	for _, entry := range entries {
		if err := l.add(ctx, &next, entry); err != nil {
			return Commit{}, err
		}
	}
	if err := l.commit(ctx, &was, &next); err != nil {
		return Commit{}, err
	}
	l.unsure = nil
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = next
	return Commit{was.Size, next.Size}, nil
}

// add appends an entry to a state and writes what becomes complete with it.
func (l *Log) add(ctx context.Context, at *state, entry []byte) error {
	at.tail = append(at.tail, entry)
	n := at.Size
	at.Size++
	if len(at.tail) == Width {
		if err := l.storage.Write(ctx, path(tile(entriesLevel, n/Width, Width)), joinBundle(at.tail)); err != nil {
			return err
		}
		at.tail = nil
	}
	return at.edge.grow(0, n, tlog.RecordHash(entry), func(t tlog.Tile, row []Hash) error {
		t.W = Width // one place in storage for a tile that grows
		return l.storage.Write(ctx, path(t), flat(row))
	})
}

// commit makes next the log: first its tail, then the head that counts.
func (l *Log) commit(ctx context.Context, was, next *state) (err error) {
	if next.Root, err = next.edge.root(next.Size); err != nil {
		return err
	}
	if next.signed, err = next.Sign(l.signers...); err != nil {
		return err
	}
	if err := writeTail(ctx, l.storage, was.Size, next); err != nil {
		return err
	}
	return writeHead(ctx, l.storage, next)
}
