package backend

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// heard makes the rig's engine note what it tells from now on.
func (r *rig) heard() *[]event {
	var told []event
	r.engine.listeners = append(r.engine.listeners, func(_ context.Context, _ logical.Storage, e *event) error {
		told = append(told, *e)
		return nil
	})
	return &told
}

func kindsOf(told []event) []eventKind {
	var list []eventKind
	for _, e := range told {
		list = append(list, e.kind)
	}
	return list
}

// Every decision and every change passes one place, once, in its order.
func TestEverythingIsTold(t *testing.T) {
	r := newRig(t)
	told := r.heard()
	tells := func(what string, do func(), want ...eventKind) {
		t.Helper()
		*told = nil
		do()
		if !slices.Equal(kindsOf(*told), want) {
			t.Errorf("%s tells %v, want %v", what, kindsOf(*told), want)
		}
		for _, e := range *told {
			if !e.at.Equal(r.clock.now()) {
				t.Errorf("%s: %s is told as of %s", what, e.kind, e.at)
			}
		}
	}
	write := func(path string, data map[string]any) func() { return func() { r.write(path, data) } }
	tells("a config", write("config", map[string]any{"issuer": issuer}), kindKeyWrite, kindConfigWrite)
	tells("the rest", r.contract, kindConfigWrite, kindServiceWrite, kindRoleWrite)
	var held *logical.Response
	tells("an issue", func() { held = r.mint() }, kindIssue)
	if e := (*told)[0]; e.requestID != "req" || e.by != "e-orders" || e.caller != "e-orders" || e.contract != role || e.service != "payments" ||
		e.jti != held.Data["jti"] || e.scopes != "invoices:read" || e.keyID == "" || e.credentialType != "jwt" || e.ttl != 300 || !e.expiry.Equal(r.clock.now().Add(time.Hour)) {
		t.Errorf("%+v", e)
	}
	tells("a renewal", func() { _, _ = r.renew(held) }, kindRenew)
	tells("a denial", func() { _, _ = r.do(logical.ReadOperation, "creds/"+role, "e-other", nil) }, kindDeny)
	if e := (*told)[0]; e.denial == nil || e.denial.Code != "caller_not_bound" || e.caller != "e-other" {
		t.Errorf("%+v", e)
	}
	tells("an unknown role", func() { _, _ = r.do(logical.ReadOperation, "creds/none", "e-other", nil) })
	tells("a revocation", func() { r.revoke(held) }, kindRevoke)
	tells("a second one", func() { r.revoke(held) })
	held = r.mint()
	tells("a suspension", write("roles/"+role+"/suspend", nil), kindRoleSuspend)
	tells("a second one", write("roles/"+role+"/suspend", nil))
	tells("a refused renewal of what is dead", func() { _, _ = r.renew(held) }, kindDeny)
	tells("a resumption", write("roles/"+role+"/resume", nil), kindRoleResume)
	held = r.mint()
	r.vault.entity("e-orders", func(e *logical.Entity) { e.Disabled = true })
	tells("a refused renewal", func() { _, _ = r.renew(held) }, kindDeny, kindRevoke)
	r.vault.entity("e-orders", func(e *logical.Entity) { e.Disabled = false })
	held = r.mint()
	r.clock.advance(time.Hour + time.Second)
	tells("an end", func() { r.revoke(held) }, kindExpire)
	token := r.mint().Data["token"]
	tells("a token presented", write("revoke", map[string]any{"token": token}), kindRevoke)
	if e := (*told)[0]; e.contract != role || e.caller != "e-orders" {
		t.Errorf("%+v", e)
	}
	tells("a token presented again", write("revoke", map[string]any{"token": token}))
	tells("a deploy", write("roles/"+role+"/deploy", map[string]any{"generation": "v1", "overlap": "1m"}), kindRoleDeploy)
	tells("the same", write("roles/"+role+"/deploy", map[string]any{"generation": "v1"}))
	tells("a mass revocation", write("roles/"+role+"/revoke", nil), kindRoleRevoke)
	tells("a caller", write("callers/e-orders/suspend", nil), kindCallerSuspend)
	tells("a caller again", write("callers/e-orders/resume", nil), kindCallerResume)
	tells("a service", write("services/payments/suspend", nil), kindServiceSuspend)
	tells("the same", write("services/payments/suspend", nil))
	tells("a service again", write("services/payments/resume", nil), kindServiceResume)
	revision := r.read("roles/" + role)["revision"]
	tells("a consent", write("services/payments/consents/"+role, map[string]any{"revision": revision}), kindConsentGive)
	tells("no consent", func() { r.delete("services/payments/consents/" + role) }, kindConsentWithdraw)
	tells("a rotation", write("keys/default/rotate", nil), kindKeyRotate)
	_, kids := r.keyStates("default")
	tells("a compromise", write("keys/default/revoke", map[string]any{"kid": kids[0]}), kindKeyRevoke)
	tells("a key", write("keys/other", nil), kindKeyWrite)
	tells("no key", func() { r.delete("keys/other") }, kindKeyDelete)
	r.write("roles/"+role, map[string]any{"stages": []any{
		map[string]any{"name": "canary", "scopes": []any{"invoices:read"}, "advance": map[string]any{"accepted": 3}},
		map[string]any{"name": "full", "scopes": []any{"invoices:read"}, "retreat": map[string]any{"refusals": 1, "within": "1h"}},
	}})
	tells("a first issue", func() { r.mint() }, kindStage, kindIssue)
	tells("good evidence", write("evidence/"+role, map[string]any{"report": "1", "caller": "e-orders", "accepted": 3}), kindEvidence, kindStage)
	tells("bad evidence", write("evidence/"+role, map[string]any{"report": "2", "caller": "e-orders", "refused": 2}), kindEvidence, kindStage)
	tells("a hand", write("roles/"+role+"/advance", map[string]any{"caller": "e-orders"}), kindStage)
	tells("no role", func() { r.delete("roles/" + role) }, kindRoleDelete)
	tells("no service", func() { r.delete("services/payments") }, kindServiceDelete)
	tells("no service twice", func() { r.delete("services/payments") })
}

// What cannot be told is not done.
func TestWhatCannotBeToldIsNotDone(t *testing.T) {
	r := newRig(t)
	r.contract()
	held := r.mint()
	before := fmt.Sprint(r.read("roles/" + role))
	deaf := true
	r.engine.listeners = append(r.engine.listeners, func(context.Context, logical.Storage, *event) error {
		if deaf {
			return errors.New("deaf")
		}
		return nil
	})
	if _, err := r.do(logical.ReadOperation, "creds/"+role, "e-orders", nil); status(err) != 500 {
		t.Errorf("issue: %v", err)
	}
	if err := r.tryRevoke(held); status(err) != 500 || !r.active(held.Data["token"]) {
		t.Errorf("revoke: %v", err)
	}
	for _, path := range []string{"roles/" + role + "/suspend", "roles/" + role + "/revoke", "roles/" + role, "services/payments", "services/payments/suspend", "callers/e-orders/suspend", "keys/default/rotate", "config"} {
		if _, err := r.do(logical.UpdateOperation, path, "", nil); status(err) != 500 {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := r.do(logical.DeleteOperation, "roles/"+role, "", nil); status(err) != 500 {
		t.Errorf("delete: %v", err)
	}
	deaf = false
	if after := fmt.Sprint(r.read("roles/" + role)); after != before || !r.active(held.Data["token"]) {
		t.Errorf("before %s, after %s", before, after)
	}
	r.revoke(held)
	r.dead(held, true)
}
