package extauthz_test

import (
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/extauthz"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// What a question costs, without the way to the server and back.
func BenchmarkCheck(b *testing.B) {
	r := newRig(b, nil)
	server := extauthz.New(r.gate)
	asked := question(request{method: "GET", path: "/invoices/7", headers: bearer(r.Issuer.Issue(verifytest.Token{})), raw: true})
	b.ReportAllocs()
	for b.Loop() {
		if got, err := server.Check(b.Context(), asked); err != nil || got.GetOkResponse() == nil {
			b.Fatal(got, err)
		}
	}
}

// With it: what Envoy waits for.
func BenchmarkCheckOverGRPC(b *testing.B) {
	r := newRig(b, nil)
	asked := question(request{method: "GET", path: "/invoices/7", headers: bearer(r.Issuer.Issue(verifytest.Token{})), raw: true})
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if got, err := r.Check(b.Context(), asked); err != nil || got.GetOkResponse() == nil {
				b.Fatal(got, err)
			}
		}
	})
}
