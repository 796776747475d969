package ramp_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/condition"
)

func BenchmarkDecide(b *testing.B) {
	usual := []ramp.ConditionTerms{
		{Name: "network", Expression: `cidr("10.0.0.0/8").containsIP(request.remote_address)`},
		{Name: "team", Expression: `caller.metadata.team == "red"`},
		{Name: "office-hours", Expression: `request.time.getHours("Europe/Berlin") >= 8 && request.time.getHours("Europe/Berlin") < 20`},
	}
	for name, conditions := range map[string][]ramp.ConditionTerms{"plain": nil, "three conditions": usual} {
		b.Run(name, func(b *testing.B) { benchmarkDecide(b, conditions) })
	}
}

func benchmarkDecide(b *testing.B, conditions []ramp.ConditionTerms) {
	svc, err := ramp.NewService("payments", ramp.ServiceTerms{Audience: "https://payments.internal", Scopes: ramp.Scopes{"invoices:read", "invoices:write"}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	c, err := ramp.NewContract("orders-to-payments", "abc", ramp.Terms{
		Service: "payments", Scopes: ramp.Scopes{"invoices:read"},
		BoundEntityNames: []string{"orders"}, BoundAuthMounts: []string{"auth_approle_1"}, BoundCIDRs: []string{"10.0.0.0/8"},
		Subject: "spiffe://example.com/{{identity.entity.name}}", Conditions: conditions,
	}, condition.NewCompiler().Compile)
	if err != nil {
		b.Fatal(err)
	}
	f := ramp.Facts{
		Now:        time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC),
		Caller:     &ramp.Caller{ID: "e1", Name: "orders", Metadata: map[string]string{"team": "red"}, Aliases: []ramp.Alias{{Accessor: "auth_approle_1"}}},
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
