package e2e_test

import (
	"strings"
	"testing"
	"time"
)

// Near its end a contract grants less, and says so. What had more ends when the window opens.
func TestOffRamp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	terms := func(opens, ends time.Time) fields {
		return fields{
			"scopes": "invoices:read,invoices:write", "expires_at": ends.UTC().Format(time.RFC3339),
			"off_ramp": fields{"window": ends.Sub(opens).String(), "scopes": []any{"invoices:read"}, "ttl": "2m"},
		}
	}
	now := time.Now().Truncate(time.Second)

	// Inside the window.
	r.contract(t, "ending", terms(now.Add(-time.Hour), now.Add(30*time.Minute)))
	c := r.mint(t, r.orders.Client, "ending", nil)
	if c.Scope != "invoices:read" || c.TTL > 2*time.Minute || c.Expiry != now.Add(30*time.Minute).Unix() {
		t.Errorf("on the off-ramp: %q for %s until %s", c.Scope, c.TTL, c.ExpiresAt())
	}
	if warned := strings.Join(c.Warnings, "\n"); !strings.Contains(warned, `contract "ending" ends at `+now.Add(30*time.Minute).UTC().Format(time.RFC3339)) {
		t.Errorf("it warns %q", warned)
	}
	_, diag, exit := r.CLI(r.orders.Token, "read", "ramp/creds/ending")
	if exit != 0 || !strings.Contains(strings.Join(strings.Fields(diag), " "), "its rights shrink from now on") {
		t.Errorf("the vault command does not show the warning: exit %d: %s", exit, diag)
	}
	_, err := r.tryMint(r.orders.Client, "ending", fields{"scopes": "invoices:write"})
	wantDenied(t, err, "scope_not_granted")
	if state := r.read(t, "roles/ending")["state"]; state != "off_ramp" {
		t.Errorf("state is %v", state)
	}

	// Before it: more than the window grants ends when it opens, what it grants does not.
	opens := now.Add(4 * time.Second)
	r.contract(t, "about-to", terms(opens, opens.Add(2*time.Hour)))
	wide := r.mint(t, r.orders.Client, "about-to", nil)
	narrow := r.mint(t, r.orders.Client, "about-to", fields{"scopes": "invoices:read"})
	if time.Now().Before(opens) && (wide.Expiry != opens.Unix() || wide.Scope != "invoices:read invoices:write" || len(wide.Warnings) > 0) {
		t.Errorf("before the window: %q until %s, it opens at %s; warnings %v", wide.Scope, wide.ExpiresAt(), opens, wide.Warnings)
	}
	if narrow.ExpiresAt().Before(opens.Add(time.Minute)) {
		t.Errorf("what the window grants ends at %s, it opens at %s", narrow.ExpiresAt(), opens)
	}
	eventually(t, "the end of the wide token", func() bool { return r.introspect(t, wide.Token)["active"] == false })
	if time.Now().Before(opens) {
		t.Error("it ended before the window opened")
	}
	if _, err := r.Client.Sys().Renew(narrow.Lease, 0); err != nil {
		t.Error(err)
	}
	r.wantAlive(t, narrow)
	if after := r.mint(t, r.orders.Client, "about-to", nil); after.Scope != "invoices:read" {
		t.Errorf("inside the window it grants %q", after.Scope)
	}
}
