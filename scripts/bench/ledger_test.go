//go:build bench

package bench

import (
	"fmt"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// TestLedger compares issuing with the ledger and without, in two mounts of one plugin process.
func TestLedger(t *testing.T) {
	for _, storage := range []struct {
		name    string
		options []vaulttest.Option
	}{{"in memory", nil}, {"raft", []vaulttest.Option{vaulttest.WithRaft()}}} {
		t.Run(storage.name, func(t *testing.T) {
			s := vaulttest.Start(t, append(storage.options, vaulttest.WithMount("ramp"))...)
			caller := set(t, s, 1)
			s.MountConfigured("silent")
			write(t, s.Client, "silent/config", map[string]any{"ledger": "off"})
			write(t, s.Client, "silent/services/payments", map[string]any{"audience": "https://payments.internal", "scopes": "invoices:read", "max_ttl": "1h"})
			write(t, s.Client, "silent/roles/bench-0", map[string]any{
				"service": "payments", "scopes": "invoices:read", "bound_entity_ids": caller.EntityID, "ttl": "15m",
			})
			fmt.Printf("\nLeased issues per second with the ledger and without, Vault storage %s, non-root token\n", storage.name)
			compare(t, caller.Client, []contender{
				{"ledger on", one("ramp/creds/bench-0")},
				{"ledger off", one("silent/creds/bench-0")},
			})
			data := read(t, s.Client, "ramp/ledger/entries").Data
			fmt.Printf("  the ledger has %v entries\n", data["size"])
		})
	}
}
