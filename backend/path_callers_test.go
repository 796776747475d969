package backend

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

func TestSuspendedCaller(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		r.write("roles/"+role, map[string]any{"bound_entity_ids": "e-orders,e-other"})
		held := r.mint()
		other, err := r.do(logical.ReadOperation, "creds/"+role, "e-other", nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			r.write("callers/e-orders/suspend", nil)
		}
		if r.active(held.Data["token"]) || r.follower().Dead(r.credential(held), r.clock.now().Unix()) == "" {
			t.Error("a suspended caller's credential is alive")
		}
		r.refused(logical.ReadOperation, "creds/"+role, "e-orders", nil, 403, "denied: the caller is suspended (caller_suspended)")
		r.notRenewed(held, "caller_suspended")
		r.dead(held, true) // now its status bit is set, too
		r.dead(other, false)
		r.start()
		r.refused(logical.ReadOperation, "creds/"+role, "e-orders", nil, 403, "(caller_suspended)")

		for range 2 { // in the very second of the suspension
			r.write("callers/e-orders/resume", nil)
		}
		fresh := r.mint()
		r.dead(fresh, false)
		r.dead(held, true)
		r.start()
		r.dead(r.mint(), false)
		r.clock.advance(2 * time.Minute)
		r.tick()
		if left := r.storage.keys("suspensions/"); len(left) != 0 {
			t.Errorf("long after the resume there is %v", left)
		}
		r.dead(held, true)
		r.dead(fresh, false)
	})
}

// All within one second, as scripts do.
func TestCallerSuspendedAgainAndAgain(t *testing.T) {
	r := newRig(t)
	r.contract()
	var held []*logical.Response
	for range 3 {
		held = append(held, r.mint())
		r.write("callers/e-orders/suspend", nil)
		for _, resp := range held {
			if r.active(resp.Data["token"]) {
				t.Errorf("%v is alive", resp.Data["jti"])
			}
		}
		r.write("callers/e-orders/resume", nil)
	}
	r.dead(r.mint(), false)
}

func TestSuspendedCallersAreNotForgotten(t *testing.T) {
	r := newRig(t)
	r.contract()
	r.write("callers/e-orders/suspend", nil)
	r.write("callers/e-unknown/resume", nil)
	r.clock.advance(1000 * time.Hour)
	r.tick()
	r.start()
	r.refused(logical.ReadOperation, "creds/"+role, "e-orders", nil, 403, "(caller_suspended)")
}

func TestBadCallers(t *testing.T) {
	r := newRig(t)
	r.badWrite("callers/e-orders/suspend", map[string]any{"for": "1h"}, `unknown field "for"`)
	for _, id := range []string{"", "..", "a/b", ".hidden", strings.Repeat("x", 129)} {
		if _, err := r.do(logical.UpdateOperation, "callers/"+id+"/suspend", "", nil); err == nil {
			t.Errorf("caller %.20q was suspended", id)
		}
	}
	if stored := r.storage.keys("suspensions/"); len(stored) != 0 {
		t.Errorf("refused requests stored %v", stored)
	}
}
