package e2e_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
)

const (
	evidencePolicy = `
path "ramp/evidence/orders-to-payments"      { capabilities = ["update"] }
path "ramp/roles/orders-to-payments/advance" { capabilities = ["update"] }
path "ramp/roles/orders-to-payments/retreat" { capabilities = ["update"] }`

	threeStages = `{
  "scopes": ["invoices:read", "invoices:write", "refunds"],
  "stages": [
    {"name": "canary", "scopes": ["invoices:read"], "ttl": "1m",
     "advance": {"after": "2s", "issued": 1, "accepted": 100}, "retreat": {"refusals": 5, "within": "10m"}},
    {"name": "half", "scopes": ["invoices:read", "invoices:write"],
     "advance": {"after": "3s", "accepted": 50}, "retreat": {"refusals": 5, "within": "10m"}},
    {"name": "full", "scopes": ["invoices:read", "invoices:write", "refunds"],
     "retreat": {"refusals": 20, "within": "10m"}}
  ]
}`
)

// parsed is a JSON object as fields.
func parsed(t *testing.T, text string) (f fields) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// onRamp is a rig whose contract orders-to-payments has three stages, and the service team that reports evidence.
func onRamp(t *testing.T, opts ...vaulttest.Option) (*rig, *api.Client) {
	t.Helper()
	r := newRig(t, opts...)
	r.service(t, "payments", fields{"scopes": "invoices:read,invoices:write,refunds"})
	r.contract(t, "orders-to-payments", parsed(t, threeStages))
	return r, r.User("payments-team", r.Policy("payments-team", evidencePolicy)).Client
}

// report is a report of the service team about orders.
func (r *rig) report(id string, accepted, refused int) fields {
	return fields{"report": id, "caller": r.orders.EntityID, "accepted": accepted, "refused": refused}
}

// standing is where orders stands on the ramp.
func (r *rig) standing(t *testing.T) fields {
	t.Helper()
	return r.read(t, "roles/orders-to-payments/callers/"+r.orders.EntityID)
}

func (r *rig) wantStage(t *testing.T, stage, scope string) creds {
	t.Helper()
	c := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	if c.Ramp.Stage != stage || c.Data["stage"] != stage || c.Scope != scope {
		t.Fatalf("the caller is at stage %q with %q, want %q with %q", c.Ramp.Stage, c.Scope, stage, scope)
	}
	return c
}

// A caller comes to a service it has never used. It earns its rights, loses them, and is trusted again by a person.
func TestRampStory(t *testing.T) {
	t.Parallel()
	r, payments := onRamp(t)
	const readOnly, readWrite, everything = "invoices:read", "invoices:read invoices:write", "invoices:read invoices:write refunds"

	// It starts at the first stage: few rights, short leases. More is refused.
	canary := r.wantStage(t, "canary", readOnly)
	if canary.TTL != time.Minute {
		t.Errorf("the lease has %s at a stage with ttl 1m", canary.TTL)
	}
	_, err := r.tryMint(r.orders.Client, "orders-to-payments", fields{"scopes": "refunds"})
	wantDenied(t, err, "scope_not_granted")

	// It cannot praise or promote itself.
	wantForbidden(t, write(r.orders.Client, "evidence/orders-to-payments", r.report("mine", 100, 0)))
	wantForbidden(t, write(r.orders.Client, "roles/orders-to-payments/advance", fields{"caller": r.orders.EntityID}))

	// Time alone does not lead up.
	eventually(t, "the time at the first stage", func() bool { return r.standing(t)["waiting"] == "100 accepted requests" })
	r.wantStage(t, "canary", readOnly)

	// Neither does a report that the service sends twice.
	for range 2 {
		wantDone(t, write(payments, "evidence/orders-to-payments", r.report("monday", 60, 0)))
	}
	if at := r.standing(t); at["accepted"] != json.Number("60") || at["waiting"] != "40 accepted requests" {
		t.Errorf("after 60 of 100 accepted requests: %v", at)
	}
	r.wantStage(t, "canary", readOnly)

	// Time and accepted requests do. What it holds already lives on, with the rights it had.
	wantDone(t, write(payments, "evidence/orders-to-payments", r.report("tuesday", 40, 0)))
	half := r.wantStage(t, "half", readWrite)
	r.wantAlive(t, canary)

	// Evidence starts from zero at each stage, and more than enough of it does not replace time.
	since := r.arrival(t)
	wantDone(t, write(payments, "evidence/orders-to-payments", r.report("wednesday", 1000, 0)))
	eventually(t, "the last stage", func() bool { return r.standing(t)["stage"] == "full" })
	if waited := r.arrival(t).Sub(since); waited < 3*time.Second {
		t.Errorf("it came from half to full in %s, half asks for 3s", waited)
	}
	full := r.wantStage(t, "full", everything)

	// A burst of refusals leads back one stage, and kills what it holds before the report is answered.
	var known revocation.State
	message := r.feed(t, "")
	if err := known.Apply(&message); err != nil {
		t.Fatal(err)
	}
	wantDone(t, write(payments, "evidence/orders-to-payments", r.report("thursday", 0, 19)))
	r.wantAlive(t, full)
	wantDone(t, write(payments, "evidence/orders-to-payments", r.report("friday", 0, 1)))
	answered := time.Now()
	for whyDead(&known, full) == "" || r.introspect(t, full.Token)["active"] != false {
		if time.Since(answered) > time.Second {
			t.Fatal("one second after the report was answered the wide token is alive")
		}
		message = r.feed(t, cursor(message))
		if err := known.Apply(&message); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%s after the report, a follower and introspection refuse the token", time.Since(answered).Round(time.Millisecond))
	for _, held := range []creds{full, half, canary} {
		r.wantFallen(t, held)
	}
	narrowed := r.wantStage(t, "half", readWrite)
	r.wantAlive(t, narrowed)

	// Old evidence sent again does nothing, good or bad.
	before := r.standing(t)
	for id, counts := range map[string][2]int{"monday": {60, 0}, "tuesday": {40, 0}, "wednesday": {1000, 0}, "friday": {0, 20}} {
		wantDone(t, write(payments, "evidence/orders-to-payments", r.report(id, counts[0], counts[1])))
	}
	if after := r.standing(t); after["accepted"] != json.Number("0") || after["since"] != before["since"] {
		t.Errorf("old reports changed %v to %v", before, after)
	}
	eventually(t, "the time at half", func() bool { return r.standing(t)["waiting"] == "50 accepted requests" })
	r.wantStage(t, "half", readWrite)

	// The service team trusts it again, and takes it back, by hand.
	wantDone(t, write(payments, "roles/orders-to-payments/advance", fields{"caller": r.orders.EntityID}))
	trusted := r.wantStage(t, "full", everything)
	wantRefused(t, write(payments, "roles/orders-to-payments/advance", fields{"caller": r.orders.EntityID}), 400, "there is none beyond")
	wantRefused(t, write(payments, "roles/orders-to-payments/advance", fields{"caller": r.orders.EntityID, "stage": "canary"}), 400, "is the other way")
	wantDone(t, write(payments, "roles/orders-to-payments/retreat", fields{"caller": r.orders.EntityID, "stage": "canary"}))
	r.wantFallen(t, trusted)
	r.wantStage(t, "canary", readOnly)
}

// wantFallen fails the test unless followers refuse the credential at once, and its renewal is refused; from then on
// the status list has it, too.
func (r *rig) wantFallen(t *testing.T, c creds) {
	t.Helper()
	if r.deadInFeed(t, c) == "" {
		t.Errorf("%s should be dead, the feed does not say so", c.ID)
	}
	_, err := r.Client.Sys().Renew(c.Lease, 0)
	wantRefused(t, err, 400, "(credential_revoked)", "permission denied")
	r.wantDead(t, c)
}

// arrival is when orders came to its stage.
func (r *rig) arrival(t *testing.T) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, r.standing(t)["since"].(string))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// A stage that waits for approval is left by hand alone, and one that a caller does not use is lost.
func TestRampApprovalAndIdleness(t *testing.T) {
	t.Parallel()
	r, payments := onRamp(t)
	r.contract(t, "orders-to-payments", parsed(t, `{"scopes": ["invoices:read", "invoices:write"], "stages": [
		{"name": "trial", "scopes": ["invoices:read"], "advance": {"approval": true}},
		{"name": "trusted", "scopes": ["invoices:read", "invoices:write"], "idle": "4s"}]}`))
	r.wantStage(t, "trial", "invoices:read")
	wantDone(t, write(payments, "evidence/orders-to-payments", r.report("one", 1_000_000, 0)))
	r.wantStage(t, "trial", "invoices:read")
	if waiting, _ := r.standing(t)["waiting"].(string); !strings.Contains(waiting, "approval") {
		t.Errorf("it waits for %q", waiting)
	}
	wantDone(t, write(payments, "roles/orders-to-payments/advance", fields{"caller": r.orders.EntityID}))
	trusted := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	if trusted.Scope != "invoices:read invoices:write" {
		t.Errorf("after the approval it has %q", trusted.Scope)
	}
	eventually(t, "the idle caller to fall", func() bool { return r.standing(t)["stage"] == "trial" })
	r.wantStage(t, "trial", "invoices:read")
	r.wantFallen(t, trusted)
}
