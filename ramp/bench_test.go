package ramp_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

func BenchmarkDecide(b *testing.B) {
	svc, err := ramp.NewService("payments", ramp.ServiceTerms{Audience: "https://payments.internal", Scopes: ramp.Scopes{"invoices:read", "invoices:write"}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	c, err := ramp.NewContract("orders-to-payments", "abc", ramp.Terms{
		Service: "payments", Scopes: ramp.Scopes{"invoices:read"},
		BoundEntityNames: []string{"orders"}, BoundAuthMounts: []string{"auth_approle_1"}, BoundCIDRs: []string{"10.0.0.0/8"},
		Subject: "spiffe://example.com/{{identity.entity.name}}",
	})
	if err != nil {
		b.Fatal(err)
	}
	f := ramp.Facts{
		Now:        time.Unix(1_800_000_000, 0),
		Caller:     &ramp.Caller{ID: "e1", Name: "orders", Aliases: []ramp.Alias{{Accessor: "auth_approle_1"}}},
		RemoteAddr: netip.MustParseAddr("10.1.2.3"),
		Limits:     ramp.Limits{TrustDomain: "example.com", DefaultTTL: 900, MaxTTL: 86400},
	}
	b.ReportAllocs()
	for b.Loop() {
		if d := ramp.Decide(c, svc, ramp.State{}, f); d.Denial() != nil {
			b.Fatal(d.Denial())
		}
	}
}
