package ledger

import (
	"bytes"
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/note"
)

// Audit verifies a log from what anybody can read of it: that its checkpoint
// is signed, that its tiles and entries are those of the checkpoint, and that
// it begins with what was seen of it before.
type Audit struct {
	Log  Reader
	Keys []note.Verifier
	// Known are checkpoints held outside, opened or computed by earlier audits.
	Known []Checkpoint
	// From is one of an earlier audit: what is below it is not read again.
	// The zero value reads everything.
	From Checkpoint
	// Progress, if set, is told after each bundle how many of the entries are
	// behind the audit, and what would be the From of one that goes on: it stays
	// before what is wrong or missing.
	Progress func(done Checkpoint, at, size int64)
	// Each, if set, gets every entry that is as it was logged, in order.
	Each func(index int64, entry []byte) error
}

// Finding is something wrong with a log.
type Finding struct {
	Path    string `json:"path"`  // where
	Index   int64  `json:"index"` // of the first entry concerned, -1 when it is about none
	Problem string `json:"problem"`
}

func (f Finding) String() string { return f.Path + ": " + f.Problem }

// Result is what an audit found. Without findings, the log is as signed.
type Result struct {
	Checkpoint Checkpoint `json:"-"`
	Size       int64      `json:"size"`
	Entries    int64      `json:"entries"` // whose bodies were verified
	Pruned     int64      `json:"pruned"`  // entries without body, of which the log says that they were pruned
	Findings   []Finding  `json:"findings"`
}

// Run audits the log. An error means that it could not be read, or is what
// Each returned; that something is wrong with the log is a finding.
func (a *Audit) Run(ctx context.Context) (*Result, error) {
	signed, err := a.Log.Read(ctx, CheckpointPath)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", CheckpointPath, err)
	}
	cp, err := OpenCheckpoint(signed, a.Keys...)
	if err != nil {
		return &Result{Findings: []Finding{{CheckpointPath, -1, err.Error()}}}, nil
	}
	r := &run{Audit: a, Result: &Result{Checkpoint: cp, Size: cp.Size}, ctx: ctx, done: a.From}
	return r.Result, r.run()
}

// run is an audit under way.
type run struct {
	*Audit
	*Result
	ctx     context.Context
	at      int64
	done    Checkpoint // From of an audit that goes on
	sound   int64      // size up to which the log is that of a known checkpoint
	edge    edge
	missing []int64        // bundles without entries
	kept    int64          // index below which the log says that bodies were pruned
	doubt   map[int64]bool // bundles of which we do not know what they should be
}

func (r *run) found(path string, index int64, format string, args ...any) {
	r.Findings = append(r.Findings, Finding{path, index, fmt.Sprintf(format, args...)})
}

func (r *run) run() error {
	r.doubt = make(map[int64]bool)
	if r.From.Size > 0 {
		r.Known = append([]Checkpoint{r.From}, r.Known...)
	}
	for _, c := range r.Known {
		switch {
		case c.Origin != r.Checkpoint.Origin:
			r.found(CheckpointPath, -1, "it is of the log %q, not %q", r.Checkpoint.Origin, c.Origin)
		case c.Size > r.Size:
			r.found(CheckpointPath, r.Size, "the log has %d entries and had %d: it was cut off", r.Size, c.Size)
		case c.Size < r.From.Size/Width*Width:
			r.proveKnown(c)
		}
	}
	if err := r.resume(); err != nil {
		return err
	}
	for r.at < r.Size {
		if err := r.bundle(r.at / Width); err != nil {
			return err
		}
		r.tell()
	}
	if err := r.unfinished(); err != nil {
		return err
	}
	r.judgeMissing()
	root, err := r.edge.root(r.Size)
	if len(r.Findings) == 0 && (err != nil || root != r.Checkpoint.Root) {
		last := r.Size / Width * Width
		r.found(CheckpointPath, last, "entries and tiles fit together, and not with the root that was signed: the entries from %d on were changed, or older ones together with their tiles", last)
	}
	return nil
}

func (r *run) tell() {
	if r.Progress == nil {
		return
	}
	if root, err := r.edge.root(r.at); err == nil && len(r.Findings) == 0 && len(r.missing) == 0 {
		r.done = Checkpoint{r.Checkpoint.Origin, r.at, root}
	}
	r.Progress(r.done, r.at, r.Size)
}

// bundle verifies a bundle of entries and its tile against each other.
func (r *run) bundle(n int64) error {
	w := int(min(Width, r.Size-n*Width))
	b := bundle{n: n, entries: tile(entriesLevel, n, w), tile: tile(0, n, w)}
	if err := b.read(r); err != nil {
		return err
	}
	row, err := b.judge(r)
	if err != nil {
		return err
	}
	for i, h := range row {
		if err := r.edge.grow(0, r.at, h, r.finished); err != nil {
			return err
		}
		r.at++
		r.compareKnown()
		if i < len(b.bodies) && b.leaves[i] == h {
			if err := r.entry(r.at-1, b.bodies[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// entry takes an entry that is as it was logged.
func (r *run) entry(index int64, body []byte) error {
	r.Entries++
	if bytes.Contains(body, []byte(`"type":"`+Prune+`"`)) {
		if e, err := ParseEntry(body); err == nil && e.Type == Prune {
			r.kept = max(r.kept, e.Before)
		}
	}
	if r.Each == nil {
		return nil
	}
	return r.Each(index, body)
}

// judgeMissing reports bundles that are missing without having been pruned.
func (r *run) judgeMissing() {
	for _, n := range r.missing {
		first, end := n*Width, min((n+1)*Width, r.Size)
		if end <= r.kept {
			r.Pruned += end - first
		} else {
			r.found(path(tile(entriesLevel, n, int(end-first))), first, "the entries %d to %d are missing, and no entry of type %s says that they may", first, end-1, Prune)
		}
	}
}
