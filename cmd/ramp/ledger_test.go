package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// Somebody who may write Vault's storage changes an entry there: the command finds it, from the start and from where
// an earlier run got.
func TestLedgerTamperingInStorage(t *testing.T) {
	s := vaulttest.Start(t, vaulttest.WithRaft(), vaulttest.WithMount("ramp"))
	s.Write("ramp/services/payments", map[string]any{"audience": "https://payments.internal", "scopes": "invoices:read"})
	orders := s.AppRole("orders", s.Policy("caller", `path "ramp/creds/*" { capabilities = ["read"] }`))
	s.Write("ramp/roles/orders-to-payments", map[string]any{"service": "payments", "scopes": "invoices:read", "bound_entity_ids": orders.EntityID})
	mint := func(n int) {
		for range n {
			if _, err := orders.Client.Logical().Read("ramp/creds/orders-to-payments"); err != nil {
				t.Fatal(err)
			}
		}
	}
	mint(300)
	dir := t.TempDir()
	write(t, dir, "key", must(t, 0, s, "ledger", "key"))
	verify := []string{"ledger", "verify", "-key=@" + filepath.Join(dir, "key")}
	from := append(verify, "-from="+filepath.Join(dir, "state"))
	must(t, 0, s, from...)
	mint(300)

	mount, err := s.Client.Sys().GetMount("ramp/")
	if err != nil {
		t.Fatal(err)
	}
	bundle := "sys/raw/logical/" + mount.UUID + "/ledger/tile/entries/001"
	var secret *api.Secret
	for deadline := time.Now().Add(30 * time.Second); secret == nil; time.Sleep(50 * time.Millisecond) { // entries are written soon after what they tell
		if secret, err = s.Client.Logical().ReadWithData(bundle, map[string][]string{"encoding": {"base64"}, "compressed": {"false"}}); err != nil || time.Now().After(deadline) {
			t.Fatal(secret, err)
		}
	}
	sound, err := base64.StdEncoding.DecodeString(secret.Data["value"].(string))
	if err != nil {
		t.Fatal(err)
	}
	put := func(value []byte) {
		s.Write(bundle, map[string]any{"value": base64.StdEncoding.EncodeToString(value), "encoding": "base64"})
	}
	at := bytes.LastIndex(sound, []byte("invoices:read"))
	put(bytes.Join([][]byte{sound[:at], []byte("invoices:rEad"), sound[at+len("invoices:read"):]}, nil))
	for range 2 { // also when a run has seen it
		for _, args := range [][]string{verify, from} {
			if said := must(t, 1, s, args...); !strings.Contains(said, "✗ tile/entries/001: entry 511 is not the one that was logged") {
				t.Error(said)
			}
		}
	}
	put(sound)
	must(t, 0, s, from...)

	// The state of another past.
	state, err := os.ReadFile(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(state), "\n")
	lines[2] = base64.StdEncoding.EncodeToString(make([]byte, 32))
	write(t, dir, "state", strings.Join(lines, "\n"))
	if said := must(t, 1, s, from...); !strings.Contains(said, "rewritten or forked") {
		t.Error(said)
	}
}

// Who follows the ledger goes on after Vault was away, and misses nothing.
func TestLedgerTailFollows(t *testing.T) {
	s := vaulttest.Start(t, vaulttest.WithRaft(), vaulttest.WithMount("ramp"))
	s.Write("ramp/services/first", map[string]any{"audience": "https://first.internal", "scopes": "read"})
	tail := process(t, s, "ledger", "tail", "-follow", "-n=100")
	out, err := tail.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := tail.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := tail.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tail.Process.Kill() })
	lines, words := bufio.NewScanner(out), bufio.NewScanner(said)
	shows := func(from *bufio.Scanner, what string) {
		t.Helper()
		for from.Scan() {
			if strings.Contains(from.Text(), what) {
				return
			}
		}
		t.Fatalf("the end, without %q", what)
	}
	shows(lines, "first")
	s.Kill()
	shows(words, "going on when it answers")
	s.Restart()
	s.Write("ramp/services/second", map[string]any{"audience": "https://second.internal", "scopes": "read"})
	shows(lines, "second")
	if err := tail.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := tail.Wait(); err != nil {
		t.Error(err)
	}
}
