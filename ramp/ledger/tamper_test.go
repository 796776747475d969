package ledger_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// cut splits a bundle into its entries, each with its length before it.
func cut(bundle []byte) [][]byte {
	var parts [][]byte
	for len(bundle) > 0 {
		n := 2 + int(binary.BigEndian.Uint16(bundle))
		parts = append(parts, bundle[:n])
		bundle = bundle[n:]
	}
	return parts
}

// Storage of a log of 70,000 entries (273 bundles and 112 entries) is changed in all kinds of ways. Each is found, and
// the first finding says where.
func TestTamperingIsFoundAndLocated(t *testing.T) {
	k, sound := newKey(t, origin), &memory{}
	grow(t, k.open(t, sound), 70_000, ledger.MaxBatch)
	other := &memory{}
	grow(t, k.open(t, other), 100, 7)
	edit := func(path string, change func(parts [][]byte) [][]byte) func(*memory) {
		return func(m *memory) { m.values[path] = bytes.Join(change(cut(m.values[path])), nil) }
	}
	flip := func(path string, at int) func(*memory) {
		return func(m *memory) { m.values[path] = bytes.Clone(m.values[path]); m.values[path][at] ^= 1 }
	}
	held, err := ledger.OpenCheckpoint(checkpointOf(t, k, sound), k.Verifier)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		tamper func(*memory)
		path   string
		index  int64
	}{
		"entry changed":   {edit("tile/entries/003", func(p [][]byte) [][]byte { p[7] = bytes.Replace(p[7], []byte("read"), []byte("rEad"), 1); return p }), "tile/entries/003", 3*256 + 7},
		"entry dropped":   {edit("tile/entries/003", func(p [][]byte) [][]byte { return append(p[:9], p[10:]...) }), "tile/entries/003", 3*256 + 9},
		"entries swapped": {edit("tile/entries/003", func(p [][]byte) [][]byte { p[9], p[10] = p[10], p[9]; return p }), "tile/entries/003", 3*256 + 9},
		"entry inserted": {edit("tile/entries/003", func(p [][]byte) [][]byte {
			return append(p[:20:20], append([][]byte{{0, 2, 'h', 'i'}}, p[20:]...)...)
		}), "tile/entries/003", 3*256 + 20},
		"bundle cut off":                  {func(m *memory) { m.values["tile/entries/003"] = m.values["tile/entries/003"][:1000] }, "tile/entries/003", 3*256 + 2},
		"bundle emptied":                  {func(m *memory) { m.values["tile/entries/003"] = nil }, "tile/entries/003", 3 * 256},
		"bundle dropped":                  {func(m *memory) { delete(m.values, "tile/entries/003") }, "tile/entries/003", 3 * 256},
		"bundle replaced":                 {func(m *memory) { m.values["tile/entries/003"] = m.values["tile/entries/004"] }, "tile/entries/003", 3 * 256},
		"tile changed":                    {flip("tile/0/003", 40*32+5), "tile/0/003", 3*256 + 40},
		"tile cut off":                    {func(m *memory) { m.values["tile/0/003"] = m.values["tile/0/003"][:320] }, "tile/0/003", 3 * 256},
		"tile dropped":                    {func(m *memory) { delete(m.values, "tile/0/003") }, "tile/0/003", 3 * 256},
		"tile replaced":                   {func(m *memory) { m.values["tile/0/003"] = m.values["tile/0/004"] }, "tile/0/003", 3 * 256},
		"higher tile changed":             {flip("tile/1/000", 3*32), "tile/1/000", 3 * 256},
		"higher tile dropped":             {func(m *memory) { delete(m.values, "tile/1/000") }, "tile/1/000", -1},
		"unfinished tile changed":         {flip("tile/1/001", 2*32), "tile/1/001.p/17", (256 + 2) * 256},
		"unfinished tile cut off":         {func(m *memory) { m.values["tile/1/001"] = m.values["tile/1/001"][:32] }, "tile/1/001.p/17", -1},
		"highest tile changed":            {flip("tile/2/000", 0), "tile/2/000.p/1", 0},
		"a late entry changed":            {flip("tail/256", 100), "checkpoint", 273 * 256},
		"late entries dropped":            {func(m *memory) { delete(m.values, "tail/256") }, "tile/0/273.p/112", 273 * 256},
		"entry and its tile changed":      {func(m *memory) { flip("tile/0/003", 40*32)(m); flip("tile/entries/003", 99)(m) }, "tile/0/003", 3 * 256},
		"root in the checkpoint changed":  {flip("head", bytes.Index(sound.values["head"], []byte(`70000`))+10), "checkpoint", -1},
		"size in the checkpoint changed":  {flip("head", bytes.Index(sound.values["head"], []byte(`70000`))+1), "checkpoint", -1},
		"whole log replaced by a shorter": {func(m *memory) { m.values = other.clone().values }, "checkpoint", 100},
	} {
		t.Run(name, func(t *testing.T) {
			m := sound.clone()
			test.tamper(m)
			keys, known := []note.Verifier{k.Verifier}, []ledger.Checkpoint(nil)
			if test.path == "checkpoint" && test.index == 100 {
				known = append(known, held) // nothing else tells
			}
			l, err := ledger.Open(t.Context(), m, keys, k.Signer)
			if l == nil {
				t.Fatal(err)
			}
			r, err := (&ledger.Audit{Log: l, Keys: keys, Known: known}).Run(t.Context())
			if err != nil || len(r.Findings) == 0 {
				t.Fatalf("not found: %+v, %v", r, err)
			}
			t.Log(r.Findings)
			f := r.Findings[0]
			if len(r.Findings) > 2 || !strings.HasPrefix(f.Path, test.path) || f.Index != test.index {
				t.Errorf("found %+v, want %s and entry %d", r.Findings, test.path, test.index)
			}
		})
	}
}

func TestLogWithoutHeadDoesNotBeginAnew(t *testing.T) {
	k := newKey(t, origin)
	for _, size := range []int64{1, 256, 300} {
		m := &memory{}
		grow(t, k.open(t, m), size, 256)
		delete(m.values, "head")
		if _, err := ledger.Open(t.Context(), m, []note.Verifier{k.Verifier}, k.Signer); !errors.As(err, new(*ledger.Damage)) {
			t.Errorf("size %d: %v", size, err)
		}
	}
}

func checkpointOf(t *testing.T, k key, m *memory) []byte {
	t.Helper()
	_, signed := k.open(t, m).Checkpoint()
	return signed
}

// Whoever has the key can sign another history. A checkpoint held outside tells.
func TestForkIsFound(t *testing.T) {
	k, first, second := newKey(t, origin), &memory{}, &memory{}
	grow(t, k.open(t, first), 700, 100)
	l := k.open(t, second)
	if _, err := l.Append(t.Context(), [][]byte{[]byte("forged")}, nil); err != nil {
		t.Fatal(err)
	}
	grow(t, l, 1000, 100)
	held, err := ledger.OpenCheckpoint(checkpointOf(t, k, first), k.Verifier)
	if err != nil {
		t.Fatal(err)
	}
	r, err := (&ledger.Audit{Log: l, Keys: []note.Verifier{k.Verifier}, Known: []ledger.Checkpoint{held}}).Run(t.Context())
	if err != nil || fmt.Sprint(r.Findings) != "[checkpoint: the first 700 entries are not those of the checkpoint of that size: the log was rewritten or forked from entry 0 on, or later]" {
		t.Errorf("%+v, %v", r, err)
	}
	later, _ := l.Checkpoint()
	p, err := ledger.ProveConsistency(t.Context(), l, later, held.Size)
	if err != nil {
		t.Fatal(err)
	}
	if ledger.CheckConsistency(p, held, later) == nil {
		t.Error("a fork is consistent")
	}
}

// An audit goes on where another ended, and finds what a full one finds.
func TestAuditResumes(t *testing.T) {
	k, m := newKey(t, origin), &memory{}
	l := k.open(t, m)
	grow(t, l, 1000, 100)
	var reached []ledger.Checkpoint
	a := &ledger.Audit{Log: l, Keys: []note.Verifier{k.Verifier}, Progress: func(c ledger.Checkpoint, _, _ int64) { reached = append(reached, c) }}
	if _, err := a.Run(t.Context()); err != nil || len(reached) != 4 {
		t.Fatal(reached, err)
	}
	grow(t, l, 2000, 100)
	for _, from := range reached {
		a := &ledger.Audit{Log: l, Keys: a.Keys, From: from, Known: reached}
		r, err := a.Run(t.Context())
		if want := 2000 - from.Size/256*256; err != nil || len(r.Findings) > 0 || r.Entries != want {
			t.Errorf("from %d: %+v, %v, want %d entries", from.Size, r, err, want)
		}
		a.From.Root[0] ^= 1
		if r, err := a.Run(t.Context()); err != nil || len(r.Findings) == 0 {
			t.Errorf("from a forged %d: %+v, %v", from.Size, r, err)
		}
		a.From, a.Known = reached[3], []ledger.Checkpoint{{Origin: origin, Size: 256}}
		if r, err := a.Run(t.Context()); err != nil || len(r.Findings) == 0 {
			t.Errorf("with a forged known checkpoint: %+v, %v", r, err)
		}
	}
}

// An audit that was interrupted after it found something finds it again.
func TestProgressStaysBeforeWhatIsWrong(t *testing.T) {
	k, m := newKey(t, origin), &memory{}
	l := k.open(t, m)
	grow(t, l, 1000, 100)
	for i, harm := range []func(){
		func() { m.values["tile/entries/001"][10] ^= 1 },
		func() { delete(m.values, "tile/entries/001") },
	} {
		harm()
		var last ledger.Checkpoint
		a := &ledger.Audit{Log: l, Keys: []note.Verifier{k.Verifier}, Progress: func(c ledger.Checkpoint, _, _ int64) { last = c }}
		if r, err := a.Run(t.Context()); err != nil || len(r.Findings) == 0 || last.Size != 256 {
			t.Errorf("%d: %+v, %v; goes on from %d, want 256", i, r, err, last.Size)
		}
	}
}
