package backend

import (
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
)

// Stages and conditions cost an issue no storage, a limit of live credentials
// one write, and so does each revocation of one.
func TestCostOfTheRamp(t *testing.T) {
	const n = 200
	for name, tc := range map[string]struct {
		terms  map[string]any
		writes int
	}{
		"stages and conditions": {map[string]any{
			"conditions": []any{map[string]any{"name": "who", "expression": `caller.name == "orders"`}},
			"stages": []any{
				map[string]any{"name": "canary", "scopes": []any{"invoices:read"}, "advance": map[string]any{"issued": 10 * n}},
				map[string]any{"name": "full", "scopes": []any{"invoices:read"}},
			},
		}, 0},
		"limit": {map[string]any{"max_active": 10 * n}, n},
	} {
		r := newRig(t)
		r.contract()
		r.write("roles/"+role, tc.terms)
		r.mint() // the caller's first is recorded
		var held []*logical.Response
		reads, writes := r.storage.counted(func() {
			for range n {
				held = append(held, r.mint())
			}
		})
		if reads != 0 || writes != tc.writes {
			t.Errorf("%s: %d issues took %d reads and %d writes, want %d", name, n, reads, writes, tc.writes)
		}
		r.revoke(held[1]) // the first opens the feed
		_, writes = r.storage.counted(func() { r.revoke(held[0]) })
		if want := 1 + tc.writes/n; writes != want {
			t.Errorf("%s: a revocation took %d writes, want %d", name, writes, want)
		}
	}
}
