package ledger_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// memory is a storage that can fail. A test may look into it, and change it.
type memory struct {
	values map[string][]byte
	writes int
	// fail, if set, is asked before each change: whether it happens, and whether it is said to have failed.
	fail func() (happens, fails bool)
}

var errStorage = errors.New("storage failed")

func (m *memory) Read(_ context.Context, path string) ([]byte, error) {
	v, ok := m.values[path]
	if !ok {
		return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	return slices.Clone(v), nil
}

func (m *memory) change(do func()) error {
	happens, fails := true, false
	if m.fail != nil {
		happens, fails = m.fail()
	}
	if happens {
		m.writes++
		do()
	}
	if fails {
		return errStorage
	}
	return nil
}

func (m *memory) Write(_ context.Context, key string, value []byte) error {
	return m.change(func() {
		if m.values == nil {
			m.values = make(map[string][]byte)
		}
		m.values[key] = slices.Clone(value)
	})
}

func (m *memory) Delete(_ context.Context, key string) error {
	return m.change(func() { delete(m.values, key) })
}

func (m *memory) clone() *memory { return &memory{values: maps.Clone(m.values)} }

const origin = "vault.example.com:8200/v1/ramp"

type key struct {
	note.Signer
	note.Verifier
	text string // of the verifier
}

func newKey(t testing.TB, name string) key { return keyFrom(t, rand.Reader, name) }

func keyFrom(t testing.TB, random io.Reader, name string) key {
	t.Helper()
	private, public, err := ledger.NewKey(random, name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return key{s, v, public}
}

func (k key) open(t testing.TB, m *memory) *ledger.Log {
	t.Helper()
	l, err := ledger.Open(t.Context(), m, []note.Verifier{k.Verifier}, k.Signer)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// entries makes n entries that tell each other apart.
func entries(t testing.TB, first, n int) [][]byte {
	t.Helper()
	var list [][]byte
	for i := first; i < first+n; i++ {
		serial := uint64(i)
		text, err := ledger.Entry{
			Time: time.Unix(1_700_000_000+int64(i), 0), Type: ledger.Issue, Contract: "orders-to-payments", ContractID: "k3j2h4g5f6d7s8a9",
			JTI: fmt.Sprintf("k3j2h4g5f6d7s8a9.%d", i), Serial: &serial, Caller: "6f1c7a2e-52f0-4d0f-9d1b-0b6f2f0a9c11",
			KeyID: "y3Ml7nBnQYQ1lZc4x0mE2d3f4g5h6j7k8l9z0x1c2v3", Scopes: "invoices:read invoices:write", Stage: "full",
			RequestID: "0b6f2f0a-9c11-4d0f-9d1b-6f1c7a2e52f0", Position: fmt.Sprintf("3.%d", i), Expires: 1_700_003_600 + int64(i),
		}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, text)
	}
	return list
}

// grow appends entries in batches until the log has size of them.
func grow(t testing.TB, l *ledger.Log, size int64, batch int) {
	t.Helper()
	for {
		cp, _ := l.Checkpoint()
		if cp.Size == size {
			return
		}
		n := int(min(int64(batch), size-cp.Size))
		if _, err := l.Append(t.Context(), entries(t, int(cp.Size), n), nil); err != nil {
			t.Fatal(err)
		}
	}
}

func (k key) audit(t testing.TB, l *ledger.Log) *ledger.Result {
	t.Helper()
	r, err := (&ledger.Audit{Log: l, Keys: []note.Verifier{k.Verifier}}).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}
