package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
)

// leaseEnd asks Vault when a lease ends.
func (r *rig) leaseEnd(t *testing.T, lease string) time.Time {
	t.Helper()
	answer, err := r.Client.Sys().Lookup(lease)
	if err != nil {
		t.Fatal(err)
	}
	end, err := time.Parse(time.RFC3339Nano, answer.Data["expire_time"].(string))
	if err != nil {
		t.Fatal(err)
	}
	return end
}

// Verifiers of an "expiry" service look at exp alone, so exp is the lease's end and the lease cannot be renewed.
func TestExpiryLeases(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", fields{"revocation": "expiry"})
	r.contract(t, "orders-to-payments", nil)
	for _, params := range []fields{nil, {"ttl": "90s"}} {
		c := r.mint(t, r.orders.Client, "orders-to-payments", params)
		if c.Renewable || c.Status != nil {
			t.Errorf("renewable: %v, status: %v", c.Renewable, c.Status)
		}
		if off := c.ExpiresAt().Sub(r.leaseEnd(t, c.Lease)); off.Abs() > 2*time.Second {
			t.Errorf("exp is %s after the lease's end", off)
		}
		if c.Data["expires_at"] != c.ExpiresAt().Format(time.RFC3339) {
			t.Errorf("expires_at is %v, exp %s", c.Data["expires_at"], c.ExpiresAt())
		}
		_, err := r.orders.Client.Sys().Renew(c.Lease, 3600)
		wantRefused(t, err, 400, "lease is not renewable")
		r.wantAlive(t, c)
	}
}

// The lease of a "status" service is renewed in steps of ttl, whatever the client asks for.
func TestStatusLeasesRenew(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", fields{"max_ttl": "2h"})
	r.contract(t, "orders-to-payments", fields{"max_ttl": "1h"})
	c := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	if !c.Renewable || c.TTL != 5*time.Minute || c.Expiry-c.IssuedAt != 3600 {
		t.Errorf("renewable %v, lease of %s, token of %ds", c.Renewable, c.TTL, c.Expiry-c.IssuedAt)
	}
	for _, increment := range []int{0, 60, 3600, 100 * 3600} {
		answer, err := r.orders.Client.Sys().Renew(c.Lease, increment)
		if err != nil {
			t.Fatal(err)
		}
		if !answer.Renewable || answer.LeaseDuration < 1 || answer.LeaseDuration > 5*60+1 {
			t.Errorf("increment %ds: renewable %v, lease of %ds", increment, answer.Renewable, answer.LeaseDuration)
		}
	}
	r.wantAlive(t, c)
}

// A lease that is renewed for as long as Vault allows ends with its token.
func TestRenewalEndsAtMaxTTL(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", fields{"ttl": "4s", "max_ttl": "8s"})
	c := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	renewed := 0
	eventually(t, "the last renewal to be refused", func() bool {
		answer, err := r.orders.Client.Sys().Renew(c.Lease, 3600)
		if err != nil {
			return true
		}
		renewed++
		if left := time.Until(c.ExpiresAt()); time.Duration(answer.LeaseDuration)*time.Second > left+2*time.Second {
			t.Errorf("lease of %ds with %s left of the token", answer.LeaseDuration, left)
		}
		return false
	})
	if renewed == 0 {
		t.Error("the lease was never renewed")
	}
	if early := time.Until(c.ExpiresAt()); early > 2*time.Second {
		t.Errorf("renewals stopped %s before the token's end", early)
	}
	eventually(t, "the token to end", func() bool { return r.introspect(t, c.Token)["active"] == false })
}

// A lease that nobody renews takes its credential along, long before exp.
func TestLapsedLease(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	id := r.contract(t, "orders-to-payments", nil)
	kept := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	before := r.feed(t, "")
	lapsing := r.mint(t, r.orders.Client, "orders-to-payments", fields{"ttl": "2s"})
	r.wantAlive(t, kept)

	var news revocation.Feed
	eventually(t, "news in the feed", func() bool {
		news = r.feed(t, cursor(before))
		return news.Cursor > before.Cursor
	})
	if e := news.Events[0]; len(news.Events) != 1 || e.Type != "serial" || e.Contract != id || e.Serial != lapsing.Ramp.Serial || e.Until < lapsing.Expiry {
		t.Errorf("the feed says %+v", news.Events)
	}
	r.wantDead(t, lapsing)
	r.wantAlive(t, kept)
	if time.Until(lapsing.ExpiresAt()) < 30*time.Minute {
		t.Error("the test took so long that the token ended by itself")
	}
}

// Whoever reads the feed learns no identity from it.
func TestFeedNamesNobody(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	before := r.feed(t, "")
	c := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	if err := r.Client.Sys().Revoke(c.Lease); err != nil {
		t.Fatal(err)
	}
	r.write(t, "roles/orders-to-payments/revoke", fields{"caller": r.orders.EntityID})
	r.write(t, "roles/orders-to-payments/suspend", nil)
	r.write(t, "callers/"+r.orders.EntityID+"/suspend", nil)
	for _, after := range []string{"", cursor(before)} {
		body, contentType := r.public(t, "ramp/feed", "after", after)
		said := string(r.open(t, string(body), "ramp-feed+jwt"))
		if contentType != "application/ramp-feed+jwt" || !strings.Contains(said, `"caller"`) || !strings.Contains(said, `"floor"`) {
			t.Errorf("%s: %s", contentType, said)
		}
		for _, secret := range []string{r.orders.EntityID, r.orders.Name, "payments", c.Token} {
			if strings.Contains(said, secret) {
				t.Errorf("the feed says %q: %s", secret, said)
			}
		}
	}
}
