package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
)

// A service that asks for consent is used by nobody until its team accepts the very terms, and no longer than it does.
func TestConsent(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	payments := r.User("payments-team", r.Policy("service-team", serviceTeamPolicy)).Client
	platform := r.User("platform-team", r.Policy("platform-team", platformTeamPolicy)).Client
	const role, path = "roles/orders-to-payments", "services/payments/consents/orders-to-payments"
	wantDone(t, write(payments, "services/payments", fields{"audience": audience, "scopes": "invoices:read,invoices:write", "consent": "required"}))

	answer, err := platform.Logical().Write("ramp/"+role, fields{"service": "payments", "scopes": "invoices:read", "bound_entity_ids": r.orders.EntityID, "ttl": "5m"})
	if err != nil {
		t.Fatal(err)
	}
	revision, _ := answer.Data["revision"].(string)
	if warned := strings.Join(answer.Warnings, "\n"); answer.Data["state"] != "awaiting_consent" || !strings.Contains(warned, "consents/orders-to-payments revision="+revision) {
		t.Errorf("the write answers %v and warns %q", answer.Data, warned)
	}
	r.wantAwaiting(t, revision)
	_, err = r.tryMint(r.orders.Client, "orders-to-payments", nil)
	wantDenied(t, err, "consent_missing")

	// The platform team cannot consent for the service team, nor can the caller; a team accepts what it has seen.
	wantForbidden(t, write(platform, path, fields{"revision": revision}))
	wantForbidden(t, write(r.orders.Client, path, fields{"revision": revision}))
	wantRefused(t, write(payments, path, fields{"revision": "0123456789abcdef"}), 409, "read it again before you accept it", revision)
	wantRefused(t, write(payments, "services/payments/consents/nosuch", fields{"revision": revision}), 404, "nosuch")
	r.wantAwaiting(t, revision)

	wantDone(t, write(payments, path, fields{"revision": revision}))
	r.wantConsent(t, payments, revision, true)
	accepted := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	r.wantAlive(t, accepted)

	// Suspending, deploying and moving change no terms; an edit does, and what was issued before ends with its next renewal.
	r.write(t, role+"/deploy", fields{"generation": "one", "overlap": "1h"})
	r.wantConsent(t, payments, revision, true)
	wantDone(t, write(platform, role, fields{"scopes": "invoices:read,invoices:write"}))
	r.wantConsent(t, payments, revision, false)
	edited, _ := r.read(t, role)["revision"].(string)
	r.wantAwaiting(t, edited)
	_, err = r.tryMint(r.orders.Client, "orders-to-payments", nil)
	wantDenied(t, err, "consent_missing")
	_, err = r.Client.Sys().Renew(accepted.Lease, 0)
	wantRefused(t, err, 400, "(consent_missing)", "permission denied")
	r.wantDead(t, accepted)

	// Consent to the old revision is none to the new one; withdrawing it kills what is live.
	wantRefused(t, write(payments, path, fields{"revision": revision}), 409, edited)
	wantDone(t, write(payments, path, fields{"revision": edited}))
	wider := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	if wider.Scope != "invoices:read invoices:write" {
		t.Errorf("the accepted edit grants %q", wider.Scope)
	}
	wantForbidden(t, remove(platform, path))
	r.wantAlive(t, wider)
	wantDone(t, remove(payments, path))
	r.wantDead(t, wider)
	r.wantAwaiting(t, edited)
	if r.read(t, path) != nil {
		t.Error("the consent is still there")
	}

	// Consent was for this contract, not for a later one of its name.
	wantDone(t, write(payments, path, fields{"revision": edited}))
	terms := r.read(t, role)
	wantDone(t, remove(platform, role))
	wantDone(t, write(platform, role, fields{"service": "payments", "scopes": terms["scopes"], "bound_entity_ids": r.orders.EntityID, "ttl": "5m"}))
	r.wantAwaiting(t, edited) // the very same terms
}

// wantAwaiting fails the test unless the vault command shows what the contract waits for, and on whom.
func (r *rig) wantAwaiting(t *testing.T, revision string) {
	t.Helper()
	shown := r.vault(t, r.RootToken, "read", "ramp/roles/orders-to-payments")
	for field, want := range map[string]string{
		"state":      "awaiting_consent",
		"waiting_on": "the team of service payments: write services/payments/consents/orders-to-payments revision=" + revision,
	} {
		found := false
		for line := range strings.Lines(shown) {
			if name, value, _ := strings.Cut(strings.TrimSpace(line), " "); name == field {
				found = strings.TrimSpace(value) == want
			}
		}
		if !found {
			t.Errorf("vault read does not show %s %q:\n%s", field, want, shown)
		}
	}
}

func (r *rig) wantConsent(t *testing.T, team *api.Client, revision string, current bool) {
	t.Helper()
	given, err := team.Logical().Read("ramp/services/payments/consents/orders-to-payments")
	if err != nil || given == nil {
		t.Fatalf("read the consent: %v %v", given, err)
	}
	if got := fmt.Sprint(given.Data["revision"], " ", given.Data["current"]); got != fmt.Sprint(revision, " ", current) {
		t.Errorf("the consent is %s", got)
	}
	shown, waits := r.read(t, "roles/orders-to-payments"), "active"
	if !current {
		waits = "awaiting_consent"
	}
	if shown["state"] != waits {
		t.Errorf("state is %v, want %s", shown["state"], waits)
	}
}
