package ramp_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// When an edit keeps what was granted, whatever is held under the old terms
// renews under the new ones: in any world, at any time.
func TestKeepsIsSound(t *testing.T) {
	counted(t, 50, func(t *rapid.T) bool {
		w := anyWorld(t)
		w.Facts.Phase = ramp.PhaseRenew
		if w.Facts.Held.Scopes == nil {
			w.Facts.Held = ramp.Held{Scopes: fitting(&w, ramp.Scopes{}), Expiry: w.Facts.Now.Add(time.Hour), Proof: w.Service.Proof}
		}
		c, svc := w.build(t)
		edited := w
		edited.Terms, edited.Service = editTerms(t, w.Terms), editService(t, w.Service)
		c2, svc2 := edited.build(t)
		if !c2.Keeps(&c.Terms) || !svc2.Keeps(svc.ServiceTerms) {
			return false
		}
		before, after := ramp.Decide(c, svc, w.State, w.Facts), ramp.Decide(c2, svc2, w.State, w.Facts)
		if before.Denial() != nil {
			return false
		}
		if after.Denial() != nil {
			t.Fatalf("the edit keeps everything, yet %v\nold %+v %+v\nnew %+v %+v", after.Denial(), c.Terms, svc.ServiceTerms, c2.Terms, svc2.ServiceTerms)
		}
		// Without revocation a credential ends with its lease, and leases may get shorter.
		b, a := before.Grant(), after.Grant()
		if a.Expiry.Before(b.Expiry) && svc.Revocation == ramp.RevocationStatus || b.Subject != a.Subject || b.Audience != a.Audience {
			t.Fatalf("the edit keeps everything, yet %+v became %+v", b, a)
		}
		return true
	})
}

// editTerms changes up to two fields, mostly for the wider.
func editTerms(t *rapid.T, old ramp.Terms) ramp.Terms {
	n, other := old, anyTerms(t)
	edits := []func(){
		func() { n.Scopes = append(slices.Clone(n.Scopes), other.Scopes...) },
		func() { n.Scopes = other.Scopes },
		func() { n.BoundEntityIDs = wider(n.BoundEntityIDs, "e1", "e2") },
		func() { n.BoundEntityNames = wider(n.BoundEntityNames, "n1", "n2") },
		func() { n.BoundGroups = wider(n.BoundGroups, "g1", "group-2") },
		func() { n.BoundAuthMounts = wider(n.BoundAuthMounts, "m1", "m2", "m3") },
		func() { n.BoundEntityIDs, n.BoundEntityNames = other.BoundEntityIDs, other.BoundEntityNames },
		func() { n.BoundGroups, n.BoundAuthMounts = other.BoundGroups, other.BoundAuthMounts },
		func() { n.BoundEntityMetadata = other.BoundEntityMetadata },
		func() { n.BoundAliasMetadata = other.BoundAliasMetadata },
		func() { n.BoundEntityMetadata = fewer(n.BoundEntityMetadata) },
		func() { n.BoundAliasMetadata = fewer(n.BoundAliasMetadata) },
		func() { n.BoundCIDRs = other.BoundCIDRs },
		func() { n.TTL, n.MaxTTL = other.TTL, other.MaxTTL },
		func() { n.NotBefore = other.NotBefore },
		func() { n.ExpiresAt = other.ExpiresAt },
		func() { n.Subject = other.Subject },
		func() { n.Metadata = map[string]string{"ticket": "RAMP-1"} },
	}
	for range rapid.IntRange(1, 2).Draw(t, "edits") {
		oneOf(t, "edit", edits...)()
	}
	if !bound(&n) {
		n.BoundEntityIDs = old.BoundEntityIDs
	}
	if !bound(&n) || n.TTL > n.MaxTTL && n.MaxTTL > 0 {
		return old
	}
	return n
}

func editService(t *rapid.T, old ramp.ServiceTerms) ramp.ServiceTerms {
	n, other := old, anyService(t)
	oneOf(t, "edit service",
		func() {},
		func() { n.Scopes = append(slices.Clone(n.Scopes), other.Scopes...) },
		func() { n.Scopes = other.Scopes },
		func() { n.Proof = other.Proof },
		func() { n.MaxTTL = other.MaxTTL },
		func() { n.Revocation = other.Revocation },
		func() { n.Owner = "team-payments" },
	)()
	return n
}

func wider(list []string, more ...string) []string {
	if list == nil {
		return nil
	}
	return append(slices.Clone(list), more...)
}

func fewer(pairs map[string]string) map[string]string {
	left := maps.Clone(pairs)
	for k := range pairs {
		delete(left, k)
		break
	}
	return left
}

func TestKeeps(t *testing.T) {
	for name, tc := range map[string]struct {
		edit  func(*ramp.Terms)
		keeps bool
	}{
		"nothing":            {func(*ramp.Terms) {}, true},
		"notes":              {func(t *ramp.Terms) { t.Metadata = map[string]string{"ticket": "RAMP-1"} }, true},
		"shorter lease":      {func(t *ramp.Terms) { t.TTL = 60 }, true},
		"longer max_ttl":     {func(t *ramp.Terms) { t.MaxTTL = 7000 }, true},
		"no max_ttl":         {func(t *ramp.Terms) { t.MaxTTL = 0 }, true},
		"one caller more":    {func(t *ramp.Terms) { t.BoundEntityIDs = []string{"e-more", "e-orders"} }, true},
		"one scope more":     {func(t *ramp.Terms) { t.Scopes = ramp.Scopes{"invoices:read", "invoices:write", "refunds"} }, true},
		"one scope less":     {func(t *ramp.Terms) { t.Scopes = ramp.Scopes{"invoices:read"} }, false},
		"another caller":     {func(t *ramp.Terms) { t.BoundEntityIDs = []string{"e-more"} }, false},
		"one binding more":   {func(t *ramp.Terms) { t.BoundEntityNames = []string{"orders"} }, false},
		"an address binding": {func(t *ramp.Terms) { t.BoundCIDRs = []string{"10.0.0.0/8"} }, false},
		"shorter max_ttl":    {func(t *ramp.Terms) { t.MaxTTL = 600 }, false},
		"an end":             {func(t *ramp.Terms) { t.ExpiresAt = noon }, false},
		"a later start":      {func(t *ramp.Terms) { t.NotBefore = noon }, false},
		"another subject":    {func(t *ramp.Terms) { t.Subject = "x" }, false},
		"another service":    {func(t *ramp.Terms) { t.Service = "refunds" }, false},
		"another type":       {func(t *ramp.Terms) { t.CredentialType = "x509" }, false},
		"another profile":    {func(t *ramp.Terms) { t.Credential = map[string]string{"profile": "jwt_svid"} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := plain()
			old := w.contract(t)
			tc.edit(&w.Terms)
			if got := w.contract(t).Keeps(&old.Terms); got != tc.keeps {
				t.Errorf("keeps: %t, want %t", got, tc.keeps)
			}
		})
	}
}
