package verify_test

import (
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

func BenchmarkKnownToken(b *testing.B) {
	i := verifytest.New(b)
	v := newVerifier(b, i, nil)
	raw := i.Issue(verifytest.Token{Scopes: []string{"invoices:read", "invoices:write"}})
	need := verify.Requirements{Scopes: []string{"invoices:read"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(b.Context(), raw, need); err != nil {
			b.Fatal(err)
		}
	}
}

// What a token costs that was not seen before, beside the bare check of its
// signature.
func BenchmarkFirstSight(b *testing.B) {
	for _, algorithm := range []string{"ES256", "ES384", "RS256", "EdDSA"} {
		i := verifytest.New(b)
		i.RotateKey(algorithm)
		v := newVerifier(b, i, nil)
		b.Run(algorithm, func(b *testing.B) {
			raws := make([]string, min(b.N, 1))
			for b.Loop() {
				b.StopTimer()
				raws[0] = i.Issue(verifytest.Token{Scopes: []string{"invoices:read", "invoices:write"}})
				b.StartTimer()
				if _, err := v.Verify(b.Context(), raws[0], verify.Requirements{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
