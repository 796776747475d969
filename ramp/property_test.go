package ramp_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// counted runs a property and fails when its interesting case is rare, so that
// a property cannot pass by never being put to the test.
func counted(t *testing.T, least int, property func(t *rapid.T) (interesting bool)) {
	t.Helper()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		for range 10 {
			if property(t) {
				n++
			}
		}
	})
	if testing.Short() {
		least /= 5 // as rapid does
	}
	if n < least {
		t.Errorf("the property was put to the test %d times, want at least %d", n, least)
	}
}

func (w world) build(t *rapid.T) (*ramp.Contract, *ramp.Service) {
	c, err := ramp.NewContract("orders-to-payments", "abcdefghijklmnop", w.Terms, toy)
	if err != nil {
		t.Fatal(err)
	}
	svc, err := ramp.NewService("payments", w.Service, toy)
	if err != nil {
		t.Fatal(err)
	}
	return c, svc
}

func TestScopesNeverWiden(t *testing.T) {
	counted(t, 50, func(t *rapid.T) bool {
		w := anyWorld(t)
		c, svc := w.build(t)
		d := ramp.Decide(c, svc, w.State, w.Facts)
		for _, s := range d.Grant().Scopes {
			asked := w.Facts.Request.Scopes
			if w.Facts.Phase == ramp.PhaseRenew {
				asked = w.Facts.Held.Scopes
			}
			if !slices.Contains(w.Terms.Scopes, s) || !slices.Contains(w.Service.Scopes, s) || asked != nil && !slices.Contains(asked, s) {
				t.Fatalf("scope %q is in the grant, but not in contract %v, service %v and request %v", s, w.Terms.Scopes, w.Service.Scopes, asked)
			}
		}
		return d.Denial() == nil
	})
}

func TestEndIsBelowEveryCeiling(t *testing.T) {
	counted(t, 50, func(t *rapid.T) bool {
		w := anyWorld(t)
		c, svc := w.build(t)
		d := ramp.Decide(c, svc, w.State, w.Facts)
		g := d.Grant()
		if d.Denial() != nil {
			return false
		}
		now := w.Facts.Now.Truncate(time.Second)
		lease := now.Add(time.Duration(g.TTL) * time.Second)
		if g.TTL <= 0 || lease.After(g.Expiry) {
			t.Fatalf("a lease of %ds with a credential until %s", g.TTL, g.Expiry)
		}
		for name, ceiling := range map[string]ramp.Seconds{"mount": w.Facts.Limits.MaxTTL, "service": w.Service.MaxTTL, "contract": w.Terms.MaxTTL} {
			end := now.Add(time.Duration(ceiling) * time.Second)
			if ceiling > 0 && (lease.After(end) || w.Facts.Phase == ramp.PhaseIssue && g.Expiry.After(end)) {
				t.Fatalf("lease until %s, credential until %s: above the max_ttl of the %s (%ds)", lease, g.Expiry, name, ceiling)
			}
		}
		for name, ceiling := range map[string]ramp.Seconds{"asked": w.Facts.Request.TTL, "contract": w.Terms.TTL} {
			if ceiling > 0 && g.TTL > ceiling {
				t.Fatalf("ttl %d is above what is %s: %d", g.TTL, name, ceiling)
			}
		}
		for name, end := range map[string]time.Time{"contract": w.Terms.ExpiresAt, "credential": w.Facts.Held.Expiry} {
			if !end.IsZero() && g.Expiry.After(end) {
				t.Fatalf("the credential runs until %s, the %s ends at %s", g.Expiry, name, end)
			}
		}
		if svc.Revocation == ramp.RevocationExpiry && (!g.Expiry.Equal(lease) || g.Renewable) {
			t.Fatalf("nobody looks at revocations, so the credential must end with its lease: %+v", g)
		}
		return true
	})
}

func TestAFailingCheckDenies(t *testing.T) {
	counted(t, 50, func(t *rapid.T) bool {
		w := anyWorld(t)
		c, svc := w.build(t)
		d := ramp.Decide(c, svc, w.State, w.Facts)
		var failed []ramp.Check
		for _, check := range d.Checks() {
			if !check.Passed {
				failed = append(failed, check)
			}
		}
		switch denial := d.Denial(); {
		case len(failed) == 0 && denial != nil:
			t.Fatalf("denied without a failing check: %v", denial)
		case len(failed) > 0 && (denial == nil || denial.Code != failed[0].Code || denial.Reason != failed[0].Reason):
			t.Fatalf("checks failed: %+v, but the denial is %v", failed, denial)
		case denial != nil && !reflect.DeepEqual(d.Grant(), ramp.Grant{}):
			t.Fatalf("denied and granted: %+v", d.Grant())
		case denial == nil != allowed(&w):
			t.Fatalf("decided %v, but by the words of the contract it is %t", denial, allowed(&w))
		}
		return len(failed) == 0
	})
}

func TestDecideChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorld(t)
		before := w
		before.Terms.Scopes, before.Facts.Request.Scopes = slices.Clone(w.Terms.Scopes), slices.Clone(w.Facts.Request.Scopes)
		c, svc := w.build(t)
		first := ramp.Decide(c, svc, w.State, w.Facts)
		second := ramp.Decide(c, svc, w.State, w.Facts)
		if !reflect.DeepEqual(first.Grant(), second.Grant()) || !reflect.DeepEqual(first.Checks(), second.Checks()) {
			t.Fatal("the same question has two answers")
		}
		if !reflect.DeepEqual(before, w) {
			t.Fatal("deciding changed what it looked at")
		}
	})
}

// What was just granted can be renewed at once, unless nobody revokes it.
func TestWhatIsGrantedRenews(t *testing.T) {
	counted(t, 50, func(t *rapid.T) bool {
		w := anyWorld(t)
		c, svc := w.build(t)
		d := ramp.Decide(c, svc, w.State, w.Facts)
		if w.Facts.Phase != ramp.PhaseIssue || d.Denial() != nil {
			return false
		}
		w.Facts.Phase = ramp.PhaseRenew
		w.Facts.Held = ramp.Held{Scopes: d.Grant().Scopes, Expiry: d.Grant().Expiry, Proof: w.Facts.Request.Proof}
		w.Facts.Request = ramp.Request{}
		if again := ramp.Decide(c, svc, w.State, w.Facts); again.Denial() != nil {
			t.Fatalf("granted, and refused a moment later: %v", again.Denial())
		}
		return true
	})
}
