package backend

import (
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// Suspending a caller kills what it holds, so once resumed it starts with
// nothing: neither locked out by what is dead nor free of the limit.
func TestLimitAfterASuspension(t *testing.T) {
	for name, wait := range map[string]time.Duration{"at once": 0, "later": time.Minute} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.contract()
			r.write("roles/"+role, map[string]any{"max_active": 2})
			old := []*logical.Response{r.mint(), r.mint()}
			r.refused(logical.ReadOperation, "creds/"+role, "e-orders", nil, 403, "(limit_active)")
			r.write("callers/e-orders/suspend", nil)
			r.write("callers/e-orders/resume", nil)
			r.clock.advance(wait)
			for range 2 {
				r.dead(r.mint(), false)
			}
			r.refused(logical.ReadOperation, "creds/"+role, "e-orders", nil, 403, "(limit_active)")
			r.start()
			r.refused(logical.ReadOperation, "creds/"+role, "e-orders", nil, 403, "(limit_active)")
			for _, c := range old {
				r.followed(c)
			}
		})
	}
}

// A compromised key kills what it signed: who held that may have new ones at
// once.
func TestLimitAfterACompromise(t *testing.T) {
	r := newRig(t)
	r.contract()
	r.write("roles/"+role, map[string]any{"max_active": 2})
	kid := r.credential(r.mint()).KeyID
	r.mint()
	r.refused(logical.ReadOperation, "creds/"+role, "e-orders", nil, 403, "(limit_active)")
	r.write("keys/default/revoke", map[string]any{"kid": kid})
	for range 2 {
		r.dead(r.mint(), false)
	}
	r.start()
	r.refused(logical.ReadOperation, "creds/"+role, "e-orders", nil, 403, "(limit_active)")
}

// Within one second: a caller is suspended, resumed, served, and suspended
// again. What it got in between is dead too.
func TestSuspendingTwiceInASecond(t *testing.T) {
	r := newRig(t)
	r.contract()
	for range 3 {
		r.write("callers/e-orders/suspend", nil)
		r.write("callers/e-orders/suspend", nil)
		r.write("callers/e-orders/resume", nil)
		between := r.mint()
		r.dead(between, false)
		r.write("callers/e-orders/suspend", nil)
		r.followed(between)
		r.write("callers/e-orders/resume", nil)
	}
}

// An idle caller falls before the decision, and what it holds dies: explain
// foresees that it no longer counts.
func TestExplainForeseesAFall(t *testing.T) {
	r := newRig(t)
	r.contract()
	r.write("roles/"+role, map[string]any{"max_active": 1, "stages": []any{map[string]any{"name": "only", "scopes": []any{"invoices:read"}, "idle": "10m"}}})
	held := r.mint()
	foreseen := func(data map[string]any, code string) {
		t.Helper()
		resp, err := r.do(logical.UpdateOperation, "explain/"+role, "e-orders", data)
		if err != nil || resp.Data["code"] != code || resp.Data["allowed"] != (code == "") {
			t.Errorf("explain %v: %v %v, want %q", data, resp, err, code)
		}
	}
	foreseen(nil, "limit_active")
	foreseen(map[string]any{"time": r.clock.now().Add(9 * time.Minute).Format(time.RFC3339)}, "limit_active")
	foreseen(map[string]any{"time": r.clock.now().Add(11 * time.Minute).Format(time.RFC3339)}, "")
	r.dead(held, false) // asking changes nothing
	r.clock.advance(11 * time.Minute)
	foreseen(nil, "")
	r.dead(r.mint(), false)
	r.followed(held)
}

// At the first stage there is nothing to fall back to. What a caller has shown
// is gone all the same, also after a restart, and what it holds is dead, even
// when all that happens in the same instant.
func TestFallingAtTheFirstStage(t *testing.T) {
	r := newRig(t)
	r.contract()
	r.write("roles/"+role, map[string]any{"stages": []any{
		map[string]any{"name": "canary", "scopes": []any{"invoices:read"}, "advance": map[string]any{"issued": 2}, "retreat": map[string]any{"refusals": 3, "within": "1m"}},
		map[string]any{"name": "full", "scopes": []any{"invoices:read"}},
	}})
	held := r.mint()
	r.write("evidence/"+role, map[string]any{"report": "1", "caller": "e-orders", "refused": 2})
	r.dead(held, false)
	r.write("evidence/"+role, map[string]any{"report": "2", "caller": "e-orders", "refused": 1})
	r.followed(held)
	r.notRenewed(held, "credential_revoked")
	r.start()
	if at := r.read("roles/" + role + "/callers/e-orders"); at["stage"] != "canary" || number(at["issued"]) != 0 {
		t.Errorf("after a restart: %v", at)
	}
	r.dead(r.mint(), false)
}

// followed asserts that a credential is dead for introspection and for those
// who follow the feed. Status lists do not know of callers.
func (r *rig) followed(resp *logical.Response) {
	r.t.Helper()
	if why := r.follower().Dead(r.credential(resp), r.clock.now().Unix()); r.active(resp.Data["token"]) || why == "" {
		r.t.Errorf("credential %v is alive", resp.Data["jti"])
	}
}
