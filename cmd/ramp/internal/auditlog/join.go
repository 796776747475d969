package auditlog

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// held is how many entries are in memory at a time. A longer ledger takes more
// than one pass over ledger and files.
const held = 1 << 20

// margin is by how much clocks and the order of lines may differ.
const margin = time.Minute

// Join compares what Vault's audit device wrote with what the ledger has.
type Join struct {
	Ledger    ledger.Reader
	Size      int64 // of the ledger, read after the files were opened
	Files     []File
	Namespace string
	Mount     string
	Most      int                   // how many of each kind are listed; all are counted
	Progress  func(done, all int64) // of bytes

	held int64 // in tests: fewer
}

// Report is what a join found.
type Report struct {
	From       time.Time `json:"from"` // of the first line of the files
	To         time.Time `json:"to"`
	Lines      int64     `json:"lines"`
	Unreadable int64     `json:"unreadable_lines"`
	Entries    int64     `json:"entries"` // that bear a request ID, in this time
	Joined     int64     `json:"joined"`  // requests that are in the files and in the ledger
	Leases     int64     `json:"lease_entries"`
	Renewed    Renewals  `json:"renewals"`

	Unaudited  int64            `json:"entries_without_line"`
	Unrecorded int64            `json:"lines_without_entry"`
	ListedBare []UnauditedEntry `json:"without_line"`
	ListedLost []UnrecordedLine `json:"without_entry"`
}

// Renewals are compared by their number: they bear no request ID.
type Renewals struct {
	Lines   int64 `json:"lines"`
	Entries int64 `json:"entries"`
}

// UnauditedEntry is an entry whose request no audit line has.
type UnauditedEntry struct {
	Index int64         `json:"index"`
	Entry *ledger.Entry `json:"entry"`
}

// UnrecordedLine is an audit line of something that the ledger does not have.
type UnrecordedLine struct {
	Time      time.Time `json:"time"`
	RequestID string    `json:"request_id"`
	Operation string    `json:"operation"`
	Path      string    `json:"path"`
}

type key [16]byte

func keyOf(requestID string) key {
	sum := sha256.Sum256([]byte(requestID))
	return key(sum[:16])
}

// request is what the ledger has of a request.
type request struct {
	index, at int64 // of its first entry; milliseconds
	entries   uint32
	seen      bool
}

// Run joins.
func (j *Join) Run(ctx context.Context) (*Report, error) {
	r := &Report{ListedBare: []UnauditedEntry{}, ListedLost: []UnrecordedLine{}}
	if err := j.begin(ctx, r); err != nil || r.From.IsZero() {
		return r, err
	}
	limit := j.held
	if limit == 0 {
		limit = held
	}
	first, oldest, err := j.first(ctx, r.From.Add(-margin))
	if err != nil {
		return nil, err
	}
	passes := (j.Size-first)/limit + 1
	for n := range passes {
		p := &pass{Join: j, Report: r, ctx: ctx, n: uint64(n), of: uint64(passes), oldest: oldest}
		if err := p.run(first); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(r.ListedLost, func(a, b UnrecordedLine) int { return a.Time.Compare(b.Time) })
	return r, j.describe(ctx, r)
}

// begin finds the time of the first line.
func (j *Join) begin(ctx context.Context, r *Report) error {
	for _, f := range j.Files {
		_, err := f.each(ctx, func(int64) {}, func(l *Line) bool {
			if r.From.IsZero() || l.Time.Before(r.From) {
				r.From = l.Time
			}
			return false
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// first is the index from which the ledger is read, and the time of the oldest
// entry that it kept: lines from before cannot have one.
func (j *Join) first(ctx context.Context, from time.Time) (index int64, oldest time.Time, err error) {
	_, kept, err := ledger.Find(ctx, j.Ledger, j.Size, time.Time{}, func(*ledger.Entry) bool { return true })
	if err != nil || kept == nil {
		return j.Size, from, err
	}
	index, found, err := ledger.Find(ctx, j.Ledger, j.Size, from, func(e *ledger.Entry) bool { return !e.Time.Before(from) })
	if found == nil {
		index = j.Size
	}
	return index, kept.Time, err
}

// describe fetches the entries that are listed.
func (j *Join) describe(ctx context.Context, r *Report) error {
	for i := range r.ListedBare {
		bare := &r.ListedBare[i]
		err := ledger.Entries(ctx, j.Ledger, bare.Index, j.Size, func(_ int64, text []byte) (more bool, err error) {
			bare.Entry, err = ledger.ParseEntry(text)
			return false, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
