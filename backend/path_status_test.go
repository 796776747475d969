package backend

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// The bits themselves are read in all the tests that ask rig.dead.
func TestStatusListStory(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.refused(logical.ReadOperation, "status/abc/0", "", nil, 404, "not configured")
		r.contract()
		id := r.read("roles/" + role)["id"].(string)
		list := func() map[string]any {
			body, _ := r.raw("status/"+id+"/0", nil)
			return r.verified(string(body), "statuslist+jwt")
		}
		first := list()
		now := float64(r.clock.now().Unix())
		if first["sub"] != issuer+"/status/"+id+"/0" || first["iat"] != now || first["exp"].(float64) <= now || first["ttl"].(float64) <= 0 {
			t.Errorf("list %v", first)
		}
		r.clock.advance(2 * time.Second)
		if again := list(); again["iat"] != now {
			t.Error("nothing has changed, and the list was signed again")
		}
		r.revoke(r.mint())
		if again := list(); again["iat"] == now {
			t.Error("a serial was revoked, and the list is the old one")
		}
		r.clock.advance(2 * time.Minute)
		if again := list(); again["iat"] != now+122 {
			t.Error("a list that nothing changed is still signed anew when its ttl is over")
		}
		for _, path := range []string{"status/unknown/0", "status/" + id + "/1", "status/" + id + "/00", "status/" + id + "/999999999999999", "status/" + id + "/140737488355328"} {
			r.refused(logical.ReadOperation, path, "", nil, 404, "there is no status list")
		}
		for _, path := range []string{"status/" + id + "/-1", "status/" + id + "/x", "status/" + strings.ToUpper(id) + "/0", "status/" + id + "/0/0", "status/" + id, "status/"} {
			if _, err := r.do(logical.ReadOperation, path, "", nil); err == nil {
				t.Errorf("%s is a list", path)
			}
		}
	})
}

// However often serials die, a list is signed a few times a second at most; a
// moment later it has everything.
func TestStatusListsAreNotSignedTooOften(t *testing.T) {
	r := newRig(t)
	r.contract()
	id := r.read("roles/" + role)["id"].(string)
	seen := map[string]bool{}
	var last *logical.Response
	for range 100 {
		last = r.mint()
		r.revoke(last)
		body, _ := r.raw("status/"+id+"/0", nil)
		seen[string(body)] = true
	}
	if len(seen) > 10 {
		t.Errorf("the list was signed %d times within a second", len(seen))
	}
	r.clock.advance(time.Second)
	r.dead(last, true)
}

// Outsiders may ask for any list: what is kept of their questions is bounded.
func TestMadeUpStatusLists(t *testing.T) {
	r := newRig(t)
	r.contract()
	for range 3000 {
		r.refused(logical.ReadOperation, "status/"+newContractID()+"/0", "", nil, 404, "there is no status list")
		r.refused(logical.ReadOperation, "creds/x"+newContractID(), "e-orders", nil, 404, "there is no contract")
	}
	if n := len(r.engine.lists.list) + len(r.engine.contracts.slots); n > 2 {
		t.Errorf("%d things are kept of made-up names", n)
	}
}
