package ramp_test

import (
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

var noon = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

// world is all that a decision depends on.
type world struct {
	Terms   ramp.Terms
	Service ramp.ServiceTerms
	State   ramp.State
	Facts   ramp.Facts
}

// plain is a world in which the contract grants: entity e-orders asks for
// nothing in particular and gets both scopes for 5 minutes of an hour.
func plain() world {
	return world{
		Terms: ramp.Terms{
			Service: "payments", Scopes: ramp.Scopes{"invoices:read", "invoices:write"},
			BoundEntityIDs: []string{"e-orders"}, TTL: 300, MaxTTL: 3600,
		},
		Service: ramp.ServiceTerms{Audience: "https://payments.internal", Scopes: ramp.Scopes{"invoices:read", "invoices:write", "refunds"}, MaxTTL: 7200},
		Facts: ramp.Facts{
			Now:        noon,
			Caller:     &ramp.Caller{ID: "e-orders", Name: "orders", Aliases: []ramp.Alias{{ID: "a1", Name: "orders", Accessor: "approle_1"}}},
			RemoteAddr: netip.MustParseAddr("10.0.0.7"),
			Limits:     ramp.Limits{TrustDomain: "example.com", DefaultTTL: 900, MaxTTL: 86400},
		},
	}
}

// renewal turns the world into one in which a credential issued just then is renewed.
func (w world) renewal() world {
	w.Facts.Phase = ramp.PhaseRenew
	w.Facts.Held = ramp.Held{Scopes: ramp.Scopes{"invoices:read"}, Expiry: w.Facts.Now.Add(time.Hour)}
	return w
}

func (w world) contract(t testing.TB) *ramp.Contract {
	t.Helper()
	c, err := ramp.NewContract("orders-to-payments", "abcdefghijklmnop", w.Terms, toy)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w world) service(t testing.TB) *ramp.Service {
	t.Helper()
	svc, err := ramp.NewService("payments", w.Service, toy)
	if err != nil {
		t.Fatal(err)
	}
	return svc
}

func (w world) decide(t testing.TB) ramp.Decision {
	t.Helper()
	return ramp.Decide(w.contract(t), w.service(t), w.State, w.Facts)
}

func anyTerms(t *rapid.T) ramp.Terms {
	terms := ramp.Terms{
		Service: "payments", Scopes: anyScopes(t, "contract scopes", 1),
		TTL: oneOf(t, "ttl", ramp.Seconds(0), 60, 600), MaxTTL: oneOf(t, "contract max_ttl", ramp.Seconds(0), 600, 5000),
		NotBefore: oneOf(t, "not_before", time.Time{}, noon.Add(-time.Hour), noon), ExpiresAt: oneOf(t, "expires_at", time.Time{}, noon.Add(30*time.Second), noon.Add(24*time.Hour)),
		BoundCIDRs: sometimes(t, "bound_cidrs", "10.0.0.0/8", "2001:db8::/32", "10.1.0.0/16"),
		Subject:    oneOf(t, "subject", "", "spiffe://example.com/{{identity.entity.name}}", "{{identity.entity.metadata.team}}"),
	}
	for !bound(&terms) {
		terms.BoundEntityIDs = sometimes(t, "bound_entity_ids", "e1", "e2")
		terms.BoundEntityNames = sometimes(t, "bound_entity_names", "n1", "n2")
		terms.BoundGroups = sometimes(t, "bound_groups", "g1", "group-2")
		terms.BoundAuthMounts = sometimes(t, "bound_auth_mounts", "m1", "m2")
		terms.BoundEntityMetadata = anyPairs(t, "bound_entity_metadata")
		terms.BoundAliasMetadata = anyPairs(t, "bound_alias_metadata")
	}
	return terms
}

func bound(t *ramp.Terms) bool {
	return len(t.BoundEntityIDs)+len(t.BoundEntityNames)+len(t.BoundGroups)+len(t.BoundAuthMounts)+len(t.BoundEntityMetadata)+len(t.BoundAliasMetadata) > 0
}

func anyService(t *rapid.T) ramp.ServiceTerms {
	return ramp.ServiceTerms{
		Audience: "https://payments.internal", Scopes: anyScopes(t, "service scopes", 1),
		MaxTTL:     oneOf(t, "service max_ttl", ramp.Seconds(0), 300, 7200),
		Revocation: oneOf(t, "revocation", ramp.RevocationStatus, ramp.RevocationExpiry),
		Proof:      oneOf(t, "service proof", ramp.ProofNone, ramp.ProofNone, ramp.ProofDPoP, ramp.ProofMTLS),
	}
}

func anyFacts(t *rapid.T) ramp.Facts {
	proof := oneOf(t, "proof", "", ramp.ProofDPoP, ramp.ProofMTLS)
	f := ramp.Facts{
		Now:        noon.Add(time.Duration(rapid.Int64Range(-2000, 90_000_000).Draw(t, "ms")) * time.Millisecond),
		RemoteAddr: oneOf(t, "address", netip.Addr{}, netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("::ffff:10.2.3.4"), netip.MustParseAddr("2001:db8::1%eth0")),
		Limits:     ramp.Limits{TrustDomain: "example.com", DefaultTTL: 900, MaxTTL: oneOf(t, "mount max_ttl", ramp.Seconds(60), 1000, 86400)},
	}
	if !rarely(t) {
		f.Caller = anyCaller(t)
	}
	if rapid.Bool().Draw(t, "renew") {
		f.Phase = ramp.PhaseRenew
		f.Held = ramp.Held{Scopes: anyScopes(t, "held", 1), Expiry: noon.Add(oneOf(t, "held expiry", time.Hour, 20*time.Hour)), Proof: proof, Dead: rarely(t)}
		return f
	}
	f.Request = ramp.Request{TTL: oneOf(t, "asked ttl", ramp.Seconds(0), 45, 100_000), Proof: proof}
	if rapid.Bool().Draw(t, "narrow") {
		f.Request.Scopes = anyScopes(t, "asked", 0)
	}
	return f
}

func anyCaller(t *rapid.T) *ramp.Caller {
	c := &ramp.Caller{
		ID: oneOf(t, "id", "e1", "e2"), Name: oneOf(t, "name", "n1", "n2", "evil/../n1"), Disabled: rarely(t), Metadata: anyPairs(t, "entity metadata"),
		Groups: []ramp.Group{{ID: "g1", Name: oneOf(t, "group", "group-1", "group-2")}},
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "aliases") {
		c.Aliases = append(c.Aliases, ramp.Alias{ID: "a", Name: "alias", Accessor: oneOf(t, "accessor", "m1", "m1", "m2", "m3")})
		c.Aliases[i].Metadata, c.Aliases[i].CustomMetadata = anyPairs(t, "alias metadata"), anyPairs(t, "custom metadata")
	}
	return c
}

func anyScopes(t *rapid.T, label string, least int) ramp.Scopes {
	s, err := ramp.NewScopes(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), least, 6).Draw(t, label)...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func anyPairs(t *rapid.T, label string) map[string]string {
	return rapid.MapOfN(rapid.SampledFrom([]string{"team", "env"}), rapid.SampledFrom([]string{"red", "red", "red", "blue"}), 0, 2).Draw(t, label)
}

func sometimes(t *rapid.T, label string, values ...string) []string {
	if rapid.IntRange(0, 3).Draw(t, label+"?") > 0 {
		return nil
	}
	return rapid.SliceOfNDistinct(rapid.SampledFrom(values), 1, len(values), rapid.ID).Draw(t, label)
}

func oneOf[T any](t *rapid.T, label string, values ...T) T {
	return values[rapid.IntRange(0, len(values)-1).Draw(t, label)]
}

func rarely(t *rapid.T) bool {
	for range 4 {
		if rapid.Bool().Draw(t, "rarely") {
			return false
		}
	}
	return true
}
