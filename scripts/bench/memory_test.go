//go:build bench

package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/file"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend"
)

const (
	live    = 1_000_000 // credentials
	callers = 10_000
)

// TestMemory measures what the engine remembers of credentials that live, and
// of some that were revoked. Its storage is on disk.
func TestMemory(t *testing.T) {
	disk, err := file.NewFileBackend(map[string]string{"path": t.TempDir()}, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	storage := logical.NewLogicalStorage(disk)
	engine, err := backend.Factory("v0.0.0")(t.Context(), &logical.BackendConfig{Logger: hclog.NewNullLogger(), System: &crowd{}, StorageView: storage})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Cleanup(context.Background())
	do := func(r *logical.Request) *logical.Response {
		r.Storage, r.ID = storage, "request"
		resp, err := engine.HandleRequest(context.Background(), r)
		if err != nil || resp.IsError() {
			t.Fatalf("%s: %v %v", r.Path, resp, err)
		}
		return resp
	}
	write := func(path string, data map[string]any) {
		do(&logical.Request{Operation: logical.UpdateOperation, Path: path, Data: data})
	}
	write("config", map[string]any{"issuer": "https://vault.internal/v1/ramp"})
	write("services/payments", map[string]any{"audience": "https://payments.internal", "scopes": "invoices:read", "max_ttl": "24h"})
	const contracts = 1000
	for n := range contracts {
		write(fmt.Sprintf("roles/bench-%d", n), map[string]any{"service": "payments", "scopes": "invoices:read", "bound_entity_metadata": map[string]any{"team": "red"}, "ttl": "12h"})
	}
	issue := func() *logical.Secret {
		return do(&logical.Request{
			Operation: logical.ReadOperation, Path: fmt.Sprintf("creds/bench-%d", rand.N(contracts)), EntityID: fmt.Sprintf("%032d", rand.N(callers)),
		}).Secret
	}
	for range 10 * contracts {
		issue()
	}
	idle := heap()
	var kept []*logical.Secret
	var mu sync.Mutex
	var work sync.WaitGroup
	began := time.Now()
	for range runtime.GOMAXPROCS(0) {
		work.Go(func() {
			for n := range live / runtime.GOMAXPROCS(0) {
				if s := issue(); n%100 == 0 {
					mu.Lock()
					kept = append(kept, s)
					mu.Unlock()
				}
			}
		})
	}
	work.Wait()
	took := time.Since(began)
	leases := heap()
	rand.Shuffle(len(kept), func(a, b int) { kept[a], kept[b] = kept[b], kept[a] })
	for part := range slices.Chunk(kept, len(kept)/16+1) {
		work.Go(func() {
			for _, s := range part {
				do(&logical.Request{Operation: logical.RevokeOperation, Path: "creds/bench", Secret: s})
			}
		})
	}
	work.Wait()
	revoked := len(kept)
	mine := heap()
	kept = nil
	free := heap()
	fmt.Printf("\nHeap of the engine with %d contracts, %d callers, ledger on\n", contracts, callers)
	fmt.Printf("  with its first %d credentials          %6.1f MiB\n", 10*contracts, idle)
	fmt.Printf("  with %d more, in %s           %+6.1f MiB\n", live, took.Round(time.Second), leases-idle-(mine-free)) // without what the test keeps
	fmt.Printf("  with %d of them revoked            %+6.1f MiB\n", revoked, free-idle)
}

// heap is in MiB, when the ledger has been written.
func heap() float64 {
	time.Sleep(5 * time.Second)
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// crowd is Vault with many callers.
type crowd struct{ logical.StaticSystemView }

func (*crowd) EntityInfo(id string) (*logical.Entity, error) {
	return &logical.Entity{ID: id, Name: "caller-" + id, Metadata: map[string]string{"team": "red"}}, nil
}

func (*crowd) MaxLeaseTTL() time.Duration { return 24 * time.Hour }
