//go:build bench

// Package bench measures Ramp on a real Vault against a plugin that does
// nothing. Everything runs on this machine, and ratios are taken within one
// run, round by round, because machines and their neighbours drift.
package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

const (
	rounds = 5
	window = 1500 * time.Millisecond // per round, client count and contender
)

var clientCounts = []int{1, 8, 32}

// contender is a path that answers a leased secret.
type contender struct {
	name string
	path func(i int) string
}

func TestIssue(t *testing.T) {
	for _, storage := range []struct {
		name    string
		options []vaulttest.Option
	}{{"in memory", nil}, {"raft", []vaulttest.Option{vaulttest.WithRaft()}}} {
		t.Run(storage.name, func(t *testing.T) {
			s := vaulttest.Start(t, append(storage.options, vaulttest.WithMount("ramp"))...)
			caller := set(t, s, 1)
			size := leaseSize(t, caller.Client)
			for name, bytes := range map[string]int{"noop-same": size, "noop-tiny": 16} {
				mountNoop(t, s, name, bytes)
			}
			fmt.Printf("\nLeased issues per second, Vault storage %s, non-root token, %d bytes of lease data, %d rounds of %s\n", storage.name, size, rounds, window)
			compare(t, caller.Client, []contender{
				{"ramp", one("ramp/creds/bench-0")},
				{"no-op, same size", one("noop-same/creds")},
				{"no-op, tiny", one("noop-tiny/creds")},
			})
		})
	}
}

// TestDecisions compares a plain contract with ones that have more to decide.
func TestDecisions(t *testing.T) {
	s := vaulttest.Start(t, vaulttest.WithMount("ramp"))
	caller := set(t, s, 1)
	conditions := []any{
		map[string]any{"name": "network", "expression": `cidr("127.0.0.0/8").containsIP(request.remote_address)`},
		map[string]any{"name": "login", "expression": `caller.aliases.all(a, a.mount_type == "approle")`},
		map[string]any{"name": "hours", "expression": `request.time.getHours("Europe/Berlin") < 24`},
	}
	stages := []any{
		map[string]any{"name": "canary", "scopes": []any{"invoices:read"}, "advance": map[string]any{"after": "1h", "issued": 1_000_000}},
		map[string]any{"name": "full", "scopes": []any{"invoices:read"}, "retreat": map[string]any{"refusals": 10, "within": "1m"}},
	}
	write(t, s.Client, "ramp/roles/decides", map[string]any{
		"service": "payments", "scopes": "invoices:read", "bound_entity_ids": caller.EntityID, "ttl": "15m",
		"conditions": conditions, "stages": stages,
	})
	fmt.Printf("\nLeased issues per second by what there is to decide, Vault storage in memory\n")
	compare(t, caller.Client, []contender{
		{"stages, 3 conditions", one("ramp/creds/decides")},
		{"plain contract", one("ramp/creds/bench-0")},
	})
}

// TestManyContracts compares issuing from 10 contracts with issuing from many.
func TestManyContracts(t *testing.T) {
	many := contracts()
	s := vaulttest.Start(t, vaulttest.WithMount("ramp"))
	start := time.Now()
	caller := set(t, s, many)
	fmt.Printf("\n%d contracts written in %s\n", many, time.Since(start).Round(time.Second))
	compare(t, caller.Client, []contender{
		{fmt.Sprintf("ramp, %d contracts", many), func(i int) string { return fmt.Sprintf("ramp/creds/bench-%d", i*7919%many) }},
		{"ramp, 10 contracts", func(i int) string { return fmt.Sprintf("ramp/creds/bench-%d", i%10) }},
	})
	s.KillPlugin()
	start = time.Now()
	read(t, caller.Client, "ramp/creds/bench-1")
	fmt.Printf("kill -9 of the plugin to the next credential, with %d contracts: %s\n", many, time.Since(start).Round(time.Millisecond))
}

func one(path string) func(int) string { return func(int) string { return path } }

// set declares a service, n contracts and a caller of all.
func set(t *testing.T, s *vaulttest.Server, n int) *vaulttest.Login {
	t.Helper()
	policy := `path "ramp/creds/*" { capabilities = ["read"] }
path "silent/creds/*" { capabilities = ["read"] }
path "noop-same/creds" { capabilities = ["read"] }
path "noop-tiny/creds" { capabilities = ["read"] }`
	if err := s.Client.Sys().PutPolicy("bench", policy); err != nil {
		t.Fatal(err)
	}
	caller := s.AppRole("bench", "bench")
	write(t, s.Client, "ramp/services/payments", map[string]any{"audience": "https://payments.internal", "scopes": "invoices:read", "max_ttl": "1h"})
	for i := range n {
		write(t, s.Client, fmt.Sprintf("ramp/roles/bench-%d", i), map[string]any{
			"service": "payments", "scopes": "invoices:read", "bound_entity_ids": caller.EntityID, "ttl": "15m",
		})
	}
	return caller
}

func mountNoop(t *testing.T, s *vaulttest.Server, path string, size int) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "noop")
	if out, err := exec.Command("go", "build", "-o", binary, "./noop").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.RegisterBinary(path, "", binary)
	if err := s.Client.Sys().Mount(path, &api.MountInput{Type: path}); err != nil {
		t.Fatal(err)
	}
	write(t, s.Client, path+"/config", map[string]any{"size": size})
}

// leaseSize is what Vault stores of one lease: data and internal data.
func leaseSize(t *testing.T, c *api.Client) int {
	t.Helper()
	data, err := json.Marshal(read(t, c, "ramp/creds/bench-0").Data)
	if err != nil {
		t.Fatal(err)
	}
	const internal = 350 // see lease.internal in backend
	return len(data) + internal
}

func write(t *testing.T, c *api.Client, path string, data map[string]any) {
	t.Helper()
	if _, err := c.Logical().Write(path, data); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, c *api.Client, path string) *api.Secret {
	t.Helper()
	secret, err := c.Logical().Read(path)
	if err != nil || secret == nil {
		t.Fatalf("read %s: %v", path, err)
	}
	return secret
}

// compare prints requests per second and the 99th percentile of each
// contender, and of the first one the ratios to the others.
func compare(t *testing.T, c *api.Client, contenders []contender) {
	t.Helper()
	for _, clients := range clientCounts {
		rates, tails := make([][]float64, len(contenders)), make([][]float64, len(contenders))
		for round := range rounds {
			for k := range contenders {
				i := (k + round) % len(contenders) // nobody always goes first
				rate, p99 := load(t, c, contenders[i].path, clients)
				rates[i], tails[i] = append(rates[i], rate), append(tails[i], p99)
			}
		}
		for i, contender := range contenders {
			fmt.Printf("  c=%-3d %-22s %7.0f/s  p99 %6.2f ms", clients, contender.name, median(rates[i]), median(tails[i]))
			if i > 0 {
				fmt.Printf("   %s is %.2f× (p99 %.2f×)", contenders[0].name, ratio(rates[0], rates[i]), ratio(tails[0], tails[i]))
			}
			fmt.Println()
		}
	}
}

func load(t *testing.T, c *api.Client, path func(int) string, clients int) (rate, p99 float64) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), window)
	defer stop()
	var mu sync.Mutex
	var wait sync.WaitGroup
	var latencies []float64
	for client := range clients {
		wait.Go(func() {
			var mine []float64
			for i := client; ctx.Err() == nil; i += clients {
				start := time.Now()
				if _, err := c.Logical().Read(path(i)); err != nil {
					t.Errorf("%s: %v", path(i), err)
					return
				}
				mine = append(mine, float64(time.Since(start).Microseconds())/1000)
			}
			mu.Lock()
			defer mu.Unlock()
			latencies = append(latencies, mine...)
		})
	}
	wait.Wait()
	slices.Sort(latencies)
	return float64(len(latencies)) / window.Seconds(), latencies[len(latencies)*99/100]
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// ratio is the median of the ratios round by round.
func ratio(a, b []float64) float64 {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	return median(ratios)
}
