package backend

import (
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// In the steady state an issue touches no storage, and asks Vault for the
// entity alone, and for its groups when the contract mentions groups.
func TestCostOfIssuing(t *testing.T) {
	for name, tc := range map[string]struct {
		role  map[string]any
		calls int64
	}{
		"by entity":       {nil, 1},
		"by group":        {map[string]any{"bound_groups": "ops"}, 2},
		"by everything":   {map[string]any{"bound_groups": "ops", "bound_entity_names": "orders", "bound_auth_mounts": "auth_approle_1", "bound_cidrs": "10.0.0.0/8"}, 2},
		"a JWT-SVID":      {map[string]any{"credential": map[string]any{"profile": "jwt_svid"}}, 1},
		"a caller's name": {map[string]any{"subject": "{{identity.entity.name}}"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.contract()
			r.write("roles/"+role, tc.role)
			r.mint()
			const issues = 2000
			asked := r.vault.calls.Load()
			reads, writes := r.storage.counted(func() {
				for range issues {
					r.mint()
				}
			})
			if asked = r.vault.calls.Load() - asked; reads != 0 || writes != 0 || asked != tc.calls*issues {
				t.Errorf("%d issues: %d reads, %d writes, %d questions to Vault, want 0, 0, %d", issues, reads, writes, asked, tc.calls*issues)
			}
		})
	}
}

// Over many issues and as much time, what is not steady stays rare: a block of
// serials, and once a second the question whether this node may write.
func TestCostOverTime(t *testing.T) {
	r := newRig(t)
	r.contract()
	r.mint()
	asked := r.vault.calls.Load()
	reads, writes := r.storage.counted(func() {
		for range 2 * serialBlock {
			r.mint()
			r.clock.advance(time.Millisecond)
		}
	})
	asked = r.vault.calls.Load() - asked - 2*serialBlock
	if reads != 0 || writes > 2 || asked > 2*serialBlock/1000+2 { // who finds the block used up decides twice
		t.Errorf("%d issues in as many milliseconds: %d reads, %d writes, %d further questions to Vault", 2*serialBlock, reads, writes, asked)
	}
}

func TestCostOfRevoking(t *testing.T) {
	r := newRig(t)
	r.contract()
	var held []*logical.Response
	for range 500 {
		held = append(held, r.mint())
	}
	r.revoke(held[0])
	costs := func(what string, want int, f func()) {
		t.Helper()
		if _, writes := r.storage.counted(f); writes > want {
			t.Errorf("%s: %d writes, want at most %d", what, writes, want)
		}
	}
	costs("one credential", 1, func() { r.revoke(held[1]) })
	costs("a dead credential", 0, func() { r.revoke(held[1]) })
	costs("a dead token", 0, func() { r.write("revoke", map[string]any{"token": held[1].Data["token"]}) })
	costs("everything", 2, func() { r.write("roles/"+role+"/revoke", nil) })
	costs("everything, again", 0, func() { r.write("roles/"+role+"/revoke", nil) })
	costs("what died by the floor", 0, func() {
		for _, resp := range held {
			r.revoke(resp)
			r.notRenewed(resp, "credential_revoked")
		}
	})
	fresh := r.mint()
	r.clock.advance(time.Hour + time.Second)
	costs("an expired credential", 0, func() { r.revoke(fresh); r.revoke(held[2]) })
	r.start()
	costs("after a restart", 0, func() {
		for _, resp := range append(held, fresh) {
			r.revoke(resp)
		}
	})
}

// Raising a floor costs the same for one credential and for a thousand.
func TestCostOfAFloor(t *testing.T) {
	cost := map[string]string{} // of the same with one credential
	for _, n := range []int{1, 1000} {
		for what, kill := range map[string]func(*rig){
			"revoke role":     func(r *rig) { r.write("roles/"+role+"/revoke", nil) },
			"revoke caller":   func(r *rig) { r.write("roles/"+role+"/revoke", map[string]any{"caller": "e-orders"}) },
			"suspend role":    func(r *rig) { r.write("roles/"+role+"/suspend", nil) },
			"suspend service": func(r *rig) { r.write("services/payments/suspend", nil) },
			"suspend caller":  func(r *rig) { r.write("callers/e-orders/suspend", nil) },
			"narrow the role": func(r *rig) { r.write("roles/"+role, map[string]any{"max_ttl": 600}) },
			"delete the role": func(r *rig) { r.delete("roles/" + role) },
			"compromise a key": func(r *rig) {
				_, kids := r.keyStates("default")
				r.write("keys/default/revoke", map[string]any{"kid": kids[0]})
			},
			"narrow the offers": func(r *rig) { r.write("services/payments", map[string]any{"max_ttl": 600}) },
		} {
			r := newRig(t)
			r.contract()
			r.feed(0)
			var held []*logical.Response
			for range n {
				held = append(held, r.mint())
			}
			reads, writes := r.storage.counted(func() { kill(r) })
			now := fmt.Sprintf("%d reads, %d writes", reads, writes)
			if writes > 8 || n > 1 && now != cost[what] {
				t.Errorf("%s with %d credentials: %s; with one: %s", what, n, now, cost[what])
			}
			cost[what] = now
			for _, resp := range []*logical.Response{held[0], held[n-1]} {
				if r.active(resp.Data["token"]) {
					t.Errorf("%s: serial %v of %d is alive", what, resp.Data["serial"], n)
				}
			}
		}
	}
}

// Verifiers' questions cost nothing while nothing changes.
func TestCostOfReading(t *testing.T) {
	r := newRig(t)
	r.contract()
	r.revoke(r.mint())
	token := r.mint().Data["token"]
	id := r.read("roles/" + role)["id"].(string)
	ask := func() {
		r.raw("status/"+id+"/0", nil)
		r.raw("feed", nil)
		r.raw(".well-known/jwks.json", nil)
		r.raw(".well-known/openid-configuration", nil)
		r.active(token)
		r.read("health")
	}
	ask()
	if reads, writes := r.storage.counted(func() {
		for range 100 {
			ask()
		}
	}); reads+writes > 0 {
		t.Errorf("%d reads, %d writes", reads, writes)
	}
}
