package ramp_test

import (
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

func TestGrantStory(t *testing.T) {
	w := plain()
	d := w.decide(t)
	want := ramp.Grant{
		Subject: "spiffe://example.com/entity/e-orders", Audience: "https://payments.internal",
		Scopes: ramp.Scopes{"invoices:read", "invoices:write"}, TTL: 300, Expiry: noon.Add(time.Hour), Renewable: true,
	}
	grants(t, "everything by default", d, want)

	w.Facts.Request = ramp.Request{Scopes: ramp.Scopes{"invoices:read"}, TTL: 60}
	want.Scopes, want.TTL = ramp.Scopes{"invoices:read"}, 60
	grants(t, "less when less is asked", w.decide(t), want)

	w.Facts.Request.TTL = 7 * 24 * 3600
	want.TTL = 300
	grants(t, "a ttl above the ceiling is capped", w.decide(t), want)

	w.Terms.ExpiresAt = noon.Add(90 * time.Second)
	want.TTL, want.Expiry, want.Renewable = 90, w.Terms.ExpiresAt, false
	grants(t, "nothing outlives the contract", w.decide(t), want)

	w.Terms.Subject, w.Terms.ExpiresAt, w.Facts.Request.TTL = "orders@{{identity.entity.aliases.approle_1.name}}", time.Time{}, 0
	want = ramp.Grant{Subject: "orders@orders", Audience: want.Audience, Scopes: want.Scopes, TTL: 300, Expiry: noon.Add(time.Hour), Renewable: true}
	grants(t, "the contract names the subject", w.decide(t), want)

	w.Service.Revocation = ramp.RevocationExpiry
	want.Expiry, want.Renewable = noon.Add(300*time.Second), false
	grants(t, "verifiers that look at exp alone get tokens that end with the lease", w.decide(t), want)
}

// Time passes while a lease is renewed again and again.
func TestRenewalStory(t *testing.T) {
	w := plain()
	w.Terms.TTL = 1500
	granted := w.decide(t)
	w = w.renewal()
	w.Facts.Held = ramp.Held{Scopes: granted.Grant().Scopes, Expiry: granted.Grant().Expiry}
	for _, step := range []struct {
		after     time.Duration
		ttl       ramp.Seconds
		renewable bool
	}{
		{20 * time.Minute, 1500, true},
		{35 * time.Minute, 1500, false}, // exactly what is left
		{50 * time.Minute, 600, false},
		{59*time.Minute + 59*time.Second, 1, false},
	} {
		w.Facts.Now = noon.Add(step.after)
		d := w.decide(t)
		if g := d.Grant(); g.TTL != step.ttl || g.Renewable != step.renewable || !g.Expiry.Equal(noon.Add(time.Hour)) {
			t.Errorf("after %s: %v, granted %+v, want ttl %d, renewable %t", step.after, d.Denial(), g, step.ttl, step.renewable)
		}
	}
	w.Facts.Now = noon.Add(time.Hour)
	denied(t, w, ramp.CredentialRevoked, "ended at 2027-03-01T13:00:00Z")
}

// A contract and a service change while a credential with both scopes is held.
func TestChangesReachRenewals(t *testing.T) {
	w := plain().renewal()
	w.Facts.Held.Scopes = ramp.Scopes{"invoices:read", "invoices:write"}
	if d := w.decide(t); d.Denial() != nil {
		t.Fatal(d.Denial())
	}
	w.Terms.Scopes = ramp.Scopes{"invoices:read"}
	denied(t, w, ramp.ScopeNotGranted, `scope "invoices:write" is not granted; contract "orders-to-payments" grants: invoices:read`)
	w.Terms.Scopes = ramp.Scopes{"invoices:read", "invoices:write"}
	w.Terms.ExpiresAt = noon.Add(10 * time.Second)
	d := w.decide(t)
	if g := d.Grant(); g.TTL != 10 || !g.Expiry.Equal(w.Terms.ExpiresAt) {
		t.Errorf("the contract's new end does not bound the renewal: %+v", g)
	}
}

func grants(t *testing.T, what string, d ramp.Decision, want ramp.Grant) {
	t.Helper()
	g := d.Grant()
	if d.Denial() != nil {
		t.Fatalf("%s: %v", what, d.Denial())
	}
	if g.Subject != want.Subject || g.Audience != want.Audience || g.Scopes.String() != want.Scopes.String() ||
		g.TTL != want.TTL || !g.Expiry.Equal(want.Expiry) || g.Renewable != want.Renewable {
		t.Errorf("%s:\ngot  %+v\nwant %+v", what, g, want)
	}
}

func TestContractState(t *testing.T) {
	w := plain()
	w.Terms.NotBefore, w.Terms.ExpiresAt = noon.Add(time.Hour), noon.Add(2*time.Hour)
	c := w.contract(t)
	for _, step := range []struct {
		at        time.Time
		suspended bool
		want      string
	}{
		{noon, false, "not_started"}, {noon.Add(time.Hour), false, "active"}, {noon.Add(time.Hour), true, "suspended"},
		{noon.Add(2*time.Hour - time.Nanosecond), false, "active"}, {noon.Add(2 * time.Hour), false, "expired"},
	} {
		if got := c.State(w.service(t), ramp.State{ContractSuspended: step.suspended}, step.at); got != step.want {
			t.Errorf("at %s: %s, want %s", step.at, got, step.want)
		}
	}
}
