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
