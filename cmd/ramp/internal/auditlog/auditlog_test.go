package auditlog

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

const line = `{"time":%q,"type":%q,"error":%q,"request":{"id":%q,"operation":%q,"path":%q,"namespace":{"id":"root"}}}` + "\n"

func written(at time.Time, kind, failed, id, operation, path string) string {
	return fmt.Sprintf(line, at.Format(time.RFC3339Nano), kind, failed, id, operation, path)
}

// memory keeps a ledger.
type memory map[string][]byte

func (m memory) Read(_ context.Context, path string) ([]byte, error) {
	if v, ok := m[path]; ok {
		return v, nil
	}
	return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
}

func (m memory) Write(_ context.Context, path string, v []byte) error { m[path] = v; return nil }
func (m memory) Delete(_ context.Context, path string) error          { delete(m, path); return nil }

func logOf(t *rapid.T, list []ledger.Entry) *ledger.Log {
	private, public, err := ledger.NewKey(rand.Reader, "vault.example/v1/ramp")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	log, err := ledger.Open(context.Background(), memory{}, []note.Verifier{key}, signer)
	if err != nil {
		t.Fatal(err)
	}
	var texts [][]byte
	for _, e := range list {
		text, err := e.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	for len(texts) > 0 {
		n := min(100, len(texts))
		if _, err := log.Append(context.Background(), texts[:n], nil); err != nil {
			t.Fatal(err)
		}
		texts = texts[n:]
	}
	return log
}

// Whatever is missing on either side is found, and nothing else, however little fits in memory.
func TestJoin(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		var entries []ledger.Entry
		var plain, packed strings.Builder
		bare, lost, both := int64(0), int64(0), int64(0)
		n := rapid.IntRange(1, 400).Draw(t, "requests")
		for i := range n {
			id, at := fmt.Sprintf("id-%d", i), noon.Add(time.Duration(i)*time.Second)
			fate := rapid.SampledFrom([]string{"both", "both", "no line", "no entry", "denied", "another mount"}).Draw(t, "fate")
			if i == 0 || i == n-1 {
				fate = "both" // they are the time that the files cover
			}
			mount, failed := "ramp", ""
			switch fate {
			case "both":
				both++
			case "no line":
				bare++
			case "no entry":
				lost++
			case "denied":
				failed = "permission denied"
			case "another mount":
				mount = "ramp2"
			}
			if fate == "both" || fate == "no line" {
				entries = append(entries, ledger.Entry{Time: at, Type: ledger.Issue, RequestID: id})
			}
			if fate != "no line" {
				file := &plain
				if i%2 == 0 {
					file = &packed
				}
				file.WriteString(written(at.Add(-time.Millisecond), "request", "", id, "read", mount+"/creds/a"))
				file.WriteString(written(at.Add(time.Millisecond), "response", failed, id, "read", mount+"/creds/a"))
			}
		}
		log := logOf(t, entries)
		at, _ := log.Checkpoint()
		var gz bytes.Buffer
		w := gzip.NewWriter(&gz)
		_, _ = w.Write([]byte(packed.String()))
		w.Close()
		most := rapid.IntRange(0, 50).Draw(t, "most")
		j := Join{
			Ledger: log, Size: at.Size, Mount: "ramp", Most: most, held: int64(rapid.IntRange(10, 500).Draw(t, "held")),
			Files: []File{write(t, dir, "audit", []byte(plain.String()+"{\"cut off")), write(t, dir, "audit.gz", gz.Bytes())},
		}
		r, err := j.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if r.Unaudited != bare || r.Unrecorded != lost || r.Joined != both || r.Unreadable != 1 {
			t.Fatalf("%+v, want %d entries without line, %d lines without entry, %d joined", r, bare, lost, both)
		}
		if len(r.ListedBare) != min(most, int(bare)) || len(r.ListedLost) != min(most, int(lost)) {
			t.Fatalf("%d and %d are listed of %d and %d, at most %d", len(r.ListedBare), len(r.ListedLost), bare, lost, most)
		}
		for _, e := range r.ListedBare {
			if e.Entry == nil || e.Entry.RequestID == "" {
				t.Fatalf("entry %d is listed without what it says", e.Index)
			}
		}
	})
}

func write(t *rapid.T, dir, name string, content []byte) File {
	name = filepath.Join(dir, name)
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// What is too long is one line that cannot be read; what follows can.
func TestLongLines(t *testing.T) {
	name := filepath.Join(t.TempDir(), "audit")
	text := `{"x":"` + strings.Repeat("x", maxLine+1<<20) + `"}` + "\n" + written(noon, "request", "", "id", "read", "ramp/health")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	unreadable, err := f.each(t.Context(), func(int64) {}, func(*Line) bool { lines++; return true })
	if err != nil || unreadable != 1 || lines != 1 {
		t.Errorf("%d lines, %d unreadable, %v", lines, unreadable, err)
	}
}

func TestRecorded(t *testing.T) {
	for what, want := range map[string]bool{
		"read ramp/creds/a":                      true,
		"update ramp/creds/a":                    true,
		"update ramp/config":                     true,
		"read ramp/config":                       false,
		"create ramp/roles/a":                    true,
		"delete ramp/roles/a":                    false, // of what is not there: nothing
		"update ramp/roles/a/revoke":             true,
		"update ramp/roles/a/deploy":             false, // of the generation that is current: nothing
		"update ramp/evidence/a":                 false,
		"update ramp/explain/a":                  false,
		"update ramp/callers/x/suspend":          true,
		"update ramp/services/a/consents/b":      true,
		"update ramp/keys/default/rotate":        true,
		"update ramp2/config":                    false,
		"read other/ramp/creds/a":                false,
		"update sys/leases/renew/ramp/creds/a/x": false,
	} {
		operation, path, _ := strings.Cut(what, " ")
		l, err := Parse([]byte("@cee: " + written(noon, "response", "", "id", operation, path)))
		if err != nil {
			t.Fatal(err)
		}
		if l.Recorded("", "ramp") != want || l.Recorded("ns1", "ramp") {
			t.Errorf("%s: want %v, and never of another namespace", what, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(written(noon, "response", "", "id", "read", "ramp/creds/a")))
	f.Add([]byte(`@cee: {"time":"2026-06-01T12:00:00Z","request":{"id":"x"},"response":{"secret":{"lease_id":"ramp/creds/a/b"}}}`))
	f.Add([]byte(`{"request":null,"time":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := Parse(text)
		if err != nil {
			return
		}
		if l.Request.ID == "" || l.Time.IsZero() {
			t.Errorf("%q: accepted without id or time", text)
		}
		l.Recorded("", "ramp")
		l.Renewal("", "ramp")
	})
}
