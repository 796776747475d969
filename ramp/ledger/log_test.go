package ledger_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

func TestLogIsReadAsItWasAppended(t *testing.T) {
	k, m := newKey(t, origin), &memory{}
	for _, size := range []int64{0, 1, 2, 255, 256, 257, 511, 512, 513, 1000} {
		l := k.open(t, m)
		grow(t, l, size, 100)
		r := k.audit(t, k.open(t, m))
		if len(r.Findings) > 0 || r.Entries != size || r.Checkpoint.Origin != origin {
			t.Fatalf("size %d: %+v", size, r)
		}
		want, i := entries(t, 0, int(size)), 0
		err := ledger.Entries(t.Context(), l, 0, size, func(index int64, entry []byte) (bool, error) {
			if index != int64(i) || !bytes.Equal(entry, want[i]) {
				t.Fatalf("entry %d is %s, want %s", index, entry, want[i])
			}
			i++
			return true, nil
		})
		if err != nil || i != int(size) {
			t.Fatalf("%d entries of %d, %v", i, size, err)
		}
	}
}

// The third level of tiles begins at 65,536 entries.
func TestLogWithThreeLevels(t *testing.T) {
	k, m := newKey(t, origin), &memory{}
	grow(t, k.open(t, m), 65_536+300, ledger.MaxBatch)
	l := k.open(t, m)
	if r := k.audit(t, l); len(r.Findings) > 0 || r.Entries != 65_836 {
		t.Fatalf("%+v", r)
	}
	cp, _ := l.Checkpoint()
	for _, index := range []int64{0, 255, 256, 65_535, 65_536, 65_835} {
		p, err := ledger.ProveInclusion(t.Context(), l, cp, index)
		if err != nil {
			t.Fatal(err)
		}
		entry := entries(t, int(index), 1)[0]
		if err := ledger.CheckInclusion(p, cp, index, entry); err != nil {
			t.Error(err)
		}
		if ledger.CheckInclusion(p, cp, index, append(entry, ' ')) == nil || ledger.CheckInclusion(p, cp, index^1, entry) == nil {
			t.Errorf("a proof of entry %d proves another", index)
		}
	}
}

func TestPathsThatAreNoTiles(t *testing.T) {
	k, m := newKey(t, origin), &memory{}
	l := k.open(t, m)
	grow(t, l, 300, 100)
	for _, p := range []string{
		"", "tile", "tile/0", "tile/0/1", "tile/0/x000/000", "tile/data/000", "tile/8/0/000", "tile/0/002", "tile/0/001", "tile/0/001.p/45",
		"tile/entries/001", "tile/entries/001.p/45", "tile/0/000.p/256", "tile/0/000.p/0", "tile/1/000", "tile/1/000.p/2", "tile/2/000.p/1",
		"tile/63/000.p/1", "tile/0/000.p/01", "../head", "head", "tail/000", "checkpoint/",
		"tile/0/x999/x999/x999/x999/x999/x999/x999/999",
	} {
		if data, err := l.Read(t.Context(), p); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %d bytes, %v", p, len(data), err)
		}
	}
	for p, size := range map[string]int{"tile/0/000": 256 * 32, "tile/0/000.p/7": 7 * 32, "tile/0/001.p/44": 44 * 32, "tile/1/000.p/1": 32} {
		if data, err := l.Read(t.Context(), p); err != nil || len(data) != size {
			t.Errorf("%q: %d bytes, %v", p, len(data), err)
		}
	}
}

func TestMemoIsStoredWithTheCommit(t *testing.T) {
	k, m := newKey(t, origin), &memory{}
	l := k.open(t, m)
	if _, err := l.Append(t.Context(), entries(t, 0, 3), json.RawMessage(`{"epoch":1}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), nil, json.RawMessage(`{"epoch":2}`)); err != nil {
		t.Fatal(err)
	}
	l = k.open(t, m)
	if cp, _ := l.Checkpoint(); string(l.Memo()) != `{"epoch":2}` || cp.Size != 3 {
		t.Errorf("memo %s, size %d", l.Memo(), cp.Size)
	}
}

func TestKeyRotation(t *testing.T) {
	old, fresh, m := newKey(t, origin), newKey(t, origin), &memory{}
	grow(t, old.open(t, m), 10, 5)
	l, err := ledger.Open(t.Context(), m, []note.Verifier{old.Verifier, fresh.Verifier}, fresh.Signer, old.Signer)
	if err != nil {
		t.Fatal(err)
	}
	grow(t, l, 20, 5)
	_, signed := l.Checkpoint()
	for name, k := range map[string]key{"old": old, "fresh": fresh} {
		if _, err := ledger.OpenCheckpoint(signed, k.Verifier); err != nil {
			t.Errorf("%s key: %v", name, err)
		}
	}
	if _, err := ledger.OpenCheckpoint(signed, newKey(t, origin).Verifier); err == nil {
		t.Error("a foreign key opens a checkpoint")
	}
	_, err = ledger.Open(t.Context(), m, []note.Verifier{newKey(t, origin).Verifier}, newKey(t, origin).Signer)
	var damage *ledger.Damage
	if !errors.As(err, &damage) {
		t.Errorf("a log that somebody else signed: %v", err)
	}
}

func TestPruneKeepsProofs(t *testing.T) {
	k, m := newKey(t, origin), &memory{}
	l := k.open(t, m)
	grow(t, l, 1000, 100)
	if err := l.Prune(t.Context(), 600); err != nil {
		t.Fatal(err)
	}
	if r := k.audit(t, l); len(r.Findings) != 2 || r.Findings[1].Index != 256 {
		t.Errorf("nobody said that entries may be pruned, and the findings are %v", r.Findings)
	}
	said, err := ledger.Entry{Time: long, Type: ledger.Prune, Before: 512}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), [][]byte{said}, nil); err != nil {
		t.Fatal(err)
	}
	l = k.open(t, m)
	if r := k.audit(t, l); len(r.Findings) > 0 || r.Pruned != 512 || r.Entries != 1001-512 || l.Pruned() != 512 {
		t.Errorf("%+v", r)
	}
	cp, _ := l.Checkpoint()
	p, err := ledger.ProveInclusion(t.Context(), l, cp, 100)
	if err != nil {
		t.Fatal(err)
	}
	if err := ledger.CheckInclusion(p, cp, 100, entries(t, 100, 1)[0]); err != nil {
		t.Error(err)
	}
}

// Whatever sizes a log had, each checkpoint is consistent with each later one, and no proof proves a fork.
func TestConsistency(t *testing.T) {
	k := newKey(t, origin)
	rapid.Check(t, func(t *rapid.T) {
		m := &memory{}
		l, err := ledger.Open(t.Context(), m, []note.Verifier{k.Verifier}, k.Signer)
		if err != nil {
			t.Fatal(err)
		}
		var seen []ledger.Checkpoint
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, ledger.MaxBatch), 1, 8).Draw(t, "batches") {
			var batch [][]byte
			for range n {
				batch = append(batch, []byte(rapid.StringN(0, 4, 8).Draw(t, "entry")))
			}
			if _, err := l.Append(t.Context(), batch, nil); err != nil {
				t.Fatal(err)
			}
			cp, _ := l.Checkpoint()
			seen = append(seen, cp)
		}
		newest := seen[len(seen)-1]
		for _, older := range seen {
			p, err := ledger.ProveConsistency(t.Context(), l, newest, older.Size)
			if err != nil {
				t.Fatal(err)
			}
			if err := ledger.CheckConsistency(p, older, newest); err != nil {
				t.Fatal(err)
			}
			if older.Size == 0 {
				continue
			}
			older.Root = tlog.RecordHash([]byte("forged"))
			if ledger.CheckConsistency(p, older, newest) == nil {
				t.Fatalf("a forged root of size %d is consistent", older.Size)
			}
		}
	})
}
