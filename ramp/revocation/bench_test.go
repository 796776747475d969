package revocation_test

import (
	"fmt"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
)

// What a new follower costs the issuer when each of many contracts has
// something that died.
func BenchmarkSnapshot(b *testing.B) {
	for _, dead := range []uint64{1, 100} {
		var s revocation.State
		for c := range 10_000 {
			for i := range dead {
				if _, err := s.Add(revocation.Event{Type: revocation.EventSerial, Contract: fmt.Sprintf("contract%08d", c), Serial: i * 7, Until: 1}); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.Run(fmt.Sprintf("10000 contracts with %d dead each", dead), func(b *testing.B) {
			for b.Loop() {
				s.Snapshot()
			}
		})
	}
}
