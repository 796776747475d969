package e2e_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// vaultStorage is the storage of the mount, as whoever may write sys/raw sees it.
type vaultStorage struct {
	*rig
	prefix string
}

func storageOf(t *testing.T, r *rig) vaultStorage {
	t.Helper()
	mount, err := r.Client.Sys().GetMount("ramp/")
	if err != nil {
		t.Fatal(err)
	}
	return vaultStorage{r, "sys/raw/logical/" + mount.UUID + "/ledger/"}
}

func (s vaultStorage) get(t *testing.T, key string) []byte {
	t.Helper()
	secret, err := s.Client.Logical().ReadWithData(s.prefix+key, map[string][]string{"encoding": {"base64"}, "compressed": {"false"}})
	if err != nil || secret == nil {
		t.Fatalf("read %s: %v, %v", key, secret, err)
	}
	value, err := base64.StdEncoding.DecodeString(secret.Data["value"].(string))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func (s vaultStorage) put(t *testing.T, key string, value []byte) {
	t.Helper()
	_, err := s.Client.Logical().Write(s.prefix+key, fields{"value": base64.StdEncoding.EncodeToString(value), "encoding": "base64"})
	if err != nil {
		t.Fatalf("write %s: %v", key, err)
	}
}

func (s vaultStorage) drop(t *testing.T, key string) {
	t.Helper()
	if _, err := s.Client.Logical().Delete(s.prefix + key); err != nil {
		t.Fatalf("delete %s: %v", key, err)
	}
}

// entriesOf splits a bundle into its entries, each with its length before it.
func entriesOf(bundle []byte) (parts [][]byte) {
	for len(bundle) > 0 {
		n := 2 + int(binary.BigEndian.Uint16(bundle))
		parts = append(parts, bundle[:n])
		bundle = bundle[n:]
	}
	return parts
}

// Whoever may write Vault's storage changes the ledger there. An audit says what and where.
func TestTamperingWithStorageIsFound(t *testing.T) {
	t.Parallel()
	r := newRig(t, vaulttest.WithRaft())
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	for range 600 {
		r.mint(t, r.orders.Client, "orders-to-payments", nil)
	}
	w := &witness{key: r.pinned(t)}
	w.look(t, r)
	s := storageOf(t, r)
	bundle := func(change func([][]byte) [][]byte) func() {
		return func() {
			s.put(t, "tile/entries/001", bytes.Join(change(entriesOf(s.get(t, "tile/entries/001"))), nil))
		}
	}
	for _, attack := range []struct {
		name   string
		key    string // restored afterwards
		do     func()
		path   string
		entry  int64
		reread bool // the plugin has it in memory until it starts again
	}{
		{name: "change an entry", key: "tile/entries/001", path: "tile/entries/001", entry: 256 + 5,
			do: bundle(func(p [][]byte) [][]byte {
				p[5] = bytes.Replace(p[5], []byte("invoices:read"), []byte("invoices:rEad"), 1)
				return p
			})},
		{name: "drop an entry", key: "tile/entries/001", path: "tile/entries/001", entry: 256 + 7,
			do: bundle(func(p [][]byte) [][]byte { return append(p[:7], p[8:]...) })},
		{name: "insert an entry", key: "tile/entries/001", path: "tile/entries/001", entry: 256 + 9,
			do: bundle(func(p [][]byte) [][]byte { return append(p[:9:9], append([][]byte{p[100]}, p[9:]...)...) })},
		{name: "reorder entries", key: "tile/entries/001", path: "tile/entries/001", entry: 256 + 11,
			do: bundle(func(p [][]byte) [][]byte { p[11], p[12] = p[12], p[11]; return p })},
		{name: "truncate a bundle", key: "tile/entries/001", path: "tile/entries/001", entry: 256 + 200,
			do: bundle(func(p [][]byte) [][]byte { return p[:200] })},
		{name: "drop a bundle", key: "tile/entries/000", path: "tile/entries/000", entry: 0,
			do: func() { s.drop(t, "tile/entries/000") }},
		{name: "change a tile", key: "tile/0/001", path: "tile/0/001", entry: 256 + 3,
			do: func() { v := s.get(t, "tile/0/001"); v[3*32] ^= 1; s.put(t, "tile/0/001", v) }},
		{name: "drop a tile", key: "tile/0/001", path: "tile/0/001", entry: 256,
			do: func() { s.drop(t, "tile/0/001") }},
		{name: "cut off the end", key: "head", path: "checkpoint", entry: -1, reread: true,
			do: func() {
				v := s.get(t, "head")
				s.put(t, "head", bytes.Replace(v, []byte(`\n60`), []byte(`\n50`), 1))
			}},
	} {
		sound := s.get(t, attack.key)
		attack.do()
		if attack.reread {
			r.killPlugin(t)
		}
		result, _ := w.audit(t, r)
		if len(result.Findings) == 0 {
			t.Errorf("%s: not found", attack.name)
		} else if f := result.Findings[0]; !strings.HasPrefix(f.Path, attack.path) || f.Index != attack.entry {
			t.Errorf("%s: found %+v, want %s and entry %d", attack.name, result.Findings, attack.path, attack.entry)
		} else {
			t.Logf("%s: %s", attack.name, f)
		}
		s.put(t, attack.key, sound)
		if attack.reread {
			r.killPlugin(t)
		}
	}
	if result, _ := w.audit(t, r); len(result.Findings) > 0 {
		t.Errorf("restored, and still %v", result.Findings)
	}
	r.mint(t, r.orders.Client, "orders-to-payments", nil)
}

// killPlugin comes back when another plugin process answers: the first request
// may still meet the dead one.
func (r *rig) killPlugin(t *testing.T) {
	t.Helper()
	r.KillPlugin()
	eventually(t, "another plugin process", func() bool {
		_, err := r.Client.Logical().Read("ramp/config")
		return err == nil
	})
}
