package ramp_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// leaving is a plain contract that ends two hours from noon, and whose rights
// shrink for the last hour of it.
func leaving() world {
	w := plain()
	w.Terms.ExpiresAt = noon.Add(2 * time.Hour)
	w.Terms.OffRamp = &ramp.OffRamp{Window: 3600, Scopes: ramp.Scopes{"invoices:read"}, TTL: 120}
	return w
}

func TestOffRamp(t *testing.T) {
	for name, tc := range map[string]struct {
		at     time.Duration
		asked  ramp.Scopes
		scopes string
		ttl    ramp.Seconds
		expiry time.Duration // from noon
	}{
		"long before":                      {0, nil, "invoices:read invoices:write", 300, time.Hour},
		"what has more ends at the window": {30 * time.Minute, nil, "invoices:read invoices:write", 300, time.Hour},
		"also a second before it":          {time.Hour - time.Second, nil, "invoices:read invoices:write", 1, time.Hour},
		"what has no more goes on":         {30 * time.Minute, ramp.Scopes{"invoices:read"}, "invoices:read", 300, 90 * time.Minute},
		"in the window":                    {time.Hour, nil, "invoices:read", 120, 2 * time.Hour},
		"near the end":                     {2*time.Hour - 10*time.Second, nil, "invoices:read", 10, 2 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			w := leaving()
			w.Facts.Now, w.Facts.Request.Scopes = noon.Add(tc.at), tc.asked
			d := w.decide(t)
			g := d.Grant()
			if d.Denial() != nil || g.Scopes.String() != tc.scopes || g.TTL != tc.ttl || !g.Expiry.Equal(noon.Add(tc.expiry)) || g.OffRamp != (tc.at >= time.Hour) {
				t.Errorf("%v %+v", d.Denial(), g)
			}
		})
	}
	w := leaving()
	w.Facts.Now, w.Facts.Request.Scopes = noon.Add(time.Hour), ramp.Scopes{"invoices:write"}
	denied(t, w, ramp.ScopeNotGranted, "grants on its off-ramp: invoices:read")
	w.Facts.Now = noon.Add(2 * time.Hour)
	denied(t, w, ramp.ContractExpired, "ends at 2027-03-01T14:00:00Z")

	w = leaving().renewal()
	w.Facts.Held = ramp.Held{Scopes: ramp.Scopes{"invoices:read", "invoices:write"}, Expiry: noon.Add(90 * time.Minute)}
	w.Facts.Now = noon.Add(time.Hour)
	denied(t, w, ramp.ScopeNotGranted, "off-ramp")
	w.Facts.Held.Scopes = ramp.Scopes{"invoices:read"}
	if d := w.decide(t); d.Denial() != nil || d.Grant().TTL != 120 {
		t.Errorf("%v %+v", d.Denial(), d.Grant())
	}
}

func TestStatesOnTheWayOut(t *testing.T) {
	w := leaving()
	w.Service.Consent = ramp.ConsentRequired
	c, svc := w.contract(t), w.service(t)
	accepted := ramp.State{Consent: c.Revision()}
	for _, step := range []struct {
		at   time.Duration
		st   ramp.State
		want string
	}{
		{0, ramp.State{}, "awaiting_consent"}, {0, accepted, "active"}, {time.Hour - 1, accepted, "active"}, {time.Hour, accepted, "off_ramp"},
		{time.Hour, ramp.State{}, "awaiting_consent"}, {2 * time.Hour, accepted, "expired"}, {0, ramp.State{ContractSuspended: true}, "suspended"},
	} {
		if got := c.State(svc, step.st, noon.Add(step.at)); got != step.want {
			t.Errorf("%+v: %s", step, got)
		}
	}
}

// Whatever the contract, stage, off-ramp and generation: no credential has an
// end beyond any of theirs, nor scopes beyond any of theirs.
func TestNothingOutlives(t *testing.T) {
	counted(t, 50, func(t *rapid.T) bool {
		w := anyRamp(t)
		c, svc := w.build(t)
		d := ramp.Decide(c, svc, w.State, w.Facts)
		g, now := d.Grant(), w.Facts.Now.Truncate(time.Second)
		if d.Denial() != nil {
			return false
		}
		if lease := now.Add(g.TTL.Duration()); g.TTL <= 0 || lease.After(g.Expiry) {
			t.Fatalf("a lease of %ds with a credential until %s", g.TTL, g.Expiry)
		}
		if end := w.Terms.ExpiresAt; !end.IsZero() && g.Expiry.After(end) {
			t.Fatalf("until %s, the contract ends at %s", g.Expiry, end)
		}
		if off := w.Terms.OffRamp; off != nil && len(off.Scopes) > 0 {
			opens := w.Terms.ExpiresAt.Add(-off.Window.Duration())
			if g.Scopes.Missing(off.Scopes) != nil && (!w.Facts.Now.Before(opens) || g.Expiry.After(opens)) {
				t.Fatalf("%v until %s, the window with %v opens at %s", g.Scopes, g.Expiry, off.Scopes, opens)
			}
		}
		for _, gen := range w.State.Generations {
			if w.Facts.Phase == ramp.PhaseIssue && gen.Name == g.Generation && !gen.Until.IsZero() && g.Expiry.After(gen.Until) {
				t.Fatalf("until %s, its generation ends at %s", g.Expiry, gen.Until)
			}
		}
		for _, s := range w.Terms.Stages {
			if s.Name == g.Stage && (g.Scopes.Missing(s.Scopes) != nil || s.TTL > 0 && g.TTL > s.TTL) {
				t.Fatalf("%+v is beyond stage %+v", g, s)
			}
		}
		return len(w.Terms.Stages) > 0 || w.Terms.OffRamp != nil || len(w.State.Generations) > 0
	})
}
