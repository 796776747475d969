package backend

import (
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
)

func TestSuspendedRole(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		held := r.mint()
		revision := r.read("roles/" + role)["revision"]
		for range 2 {
			r.write("roles/"+role+"/suspend", nil)
			r.reads("roles/"+role, map[string]any{"state": "suspended", "floor": 1.0, "revision": revision})
		}
		r.dead(held, true)
		r.notRenewed(held, "contract_suspended")
		r.refused(logical.ReadOperation, "creds/"+role, "e-orders", nil, 403, `denied: contract "`+role+`" is suspended (contract_suspended)`)
		r.start()
		r.refused(logical.ReadOperation, "creds/"+role, "e-orders", nil, 403, "(contract_suspended)")
		for range 2 {
			r.write("roles/"+role+"/resume", nil)
		}
		r.reads("roles/"+role, map[string]any{"state": "active"})
		r.dead(held, true)
		r.dead(r.mint(), false)
	})
}

func TestRevokedRole(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		if floor := number(r.write("roles/"+role+"/revoke", nil).Data["floor"]); floor != 0 {
			t.Errorf("nothing was issued, and the floor is %v", floor)
		}
		one, two := r.mint(), r.mint()
		for range 2 {
			if floor := number(r.write("roles/"+role+"/revoke", nil).Data["floor"]); floor != 2 {
				t.Errorf("floor %v", floor)
			}
			three := r.follower().Floor(r.credential(one).Contract, r.clock.now().Unix())
			if three != 2 {
				t.Errorf("the feed says floor %d", three)
			}
		}
		fresh := r.mint()
		for resp, dead := range map[*logical.Response]bool{one: true, two: true, fresh: false} {
			r.dead(resp, dead)
		}
		r.start()
		for resp, dead := range map[*logical.Response]bool{one: true, two: true, fresh: false} {
			r.dead(resp, dead)
		}
		if next := number(r.mint().Data["serial"]); next <= number(fresh.Data["serial"]) {
			t.Errorf("after a restart serial %v follows %v", next, fresh.Data["serial"])
		}
	})
}

// One caller of several is revoked: the others keep what they have.
func TestRevokedCallerOfRole(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		r.write("roles/"+role, map[string]any{"bound_entity_ids": "e-orders,e-other"})
		mine := r.mint()
		theirs, err := r.do(logical.ReadOperation, "creds/"+role, "e-other", nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			r.write("roles/"+role+"/revoke", map[string]any{"caller": "e-orders"})
		}
		r.dead(theirs, false)
		if r.active(mine.Data["token"]) || r.follower().Dead(r.credential(mine), r.clock.now().Unix()) == "" {
			t.Error("the revoked caller's credential is alive")
		}
		r.notRenewed(mine, "credential_revoked")
		r.dead(mine, true) // whoever reads status lists alone learns it now
		if _, err := r.renew(theirs); err != nil {
			t.Error(err)
		}
		r.dead(r.mint(), false)
		r.start()
		r.dead(mine, true)
		for _, e := range r.feed(0).Events {
			if e.Type == revocation.EventFloor && e.Caller == "e-orders" {
				t.Error("the feed names a caller in clear")
			}
		}
	})
}
