package backend

import (
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
)

func BenchmarkIssue(b *testing.B) {
	r := newRig(b)
	r.contract()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.do(logical.ReadOperation, "creds/orders-to-payments", "e-orders", nil); err != nil {
			b.Fatal(err)
		}
	}
}

// The same without a ledger: what is left of a credential's price is its entry
// in memory, and its share of a write of many.
func BenchmarkIssueWithoutLedger(b *testing.B) {
	r := newRig(b)
	r.contract()
	r.write("config", map[string]any{"ledger": "off"})
	b.ReportAllocs()
	for b.Loop() {
		r.mint()
	}
}
