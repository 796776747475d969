package condition_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/condition"
)

// world is what the expressions of these tests look at: a Tuesday, half past
// one in the morning in UTC, given in the zone of a server west of it.
func world(t testing.TB) *ramp.World {
	t.Helper()
	compile := condition.NewCompiler().Compile
	c, err := ramp.NewContract("orders-to-payments", "abcdefghijklmnop", ramp.Terms{
		Service: "payments", Scopes: ramp.Scopes{"invoices:read", "invoices:write"}, BoundEntityIDs: []string{"e-orders"},
		Metadata: map[string]string{"tier": "gold"},
	}, compile)
	if err != nil {
		t.Fatal(err)
	}
	svc, err := ramp.NewService("payments", ramp.ServiceTerms{
		Audience: "https://payments.internal", Scopes: ramp.Scopes{"invoices:read"}, Owner: "team-payments", Metadata: map[string]string{"zone": "eu"},
	}, compile)
	if err != nil {
		t.Fatal(err)
	}
	return &ramp.World{
		Caller: &ramp.Caller{
			ID: "e-orders", Name: "orders", Metadata: map[string]string{"team": "red"}, Groups: []ramp.Group{{ID: "g-1", Name: "ops"}},
			Aliases: []ramp.Alias{{Name: "orders", Accessor: "auth_approle_1", MountType: "approle", Metadata: map[string]string{"env": "prod"}, CustomMetadata: map[string]string{"rack": "7"}}},
		},
		RemoteAddr: netip.MustParseAddr("::ffff:10.1.2.3"), Time: time.Date(2027, 3, 1, 23, 30, 15, 0, time.FixedZone("", -7200)),
		Scopes: ramp.Scopes{"invoices:read"}, Context: map[string]string{"ticket": "RAMP-1"},
		Contract: c, Service: svc, Stage: "canary", Generation: "v7",
	}
}
