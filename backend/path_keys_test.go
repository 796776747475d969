package backend

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// keyStates are the states of a set's keys, oldest first, and their kids.
func (r *rig) keyStates(name string) (states string, kids []string) {
	r.t.Helper()
	text, err := json.Marshal(r.read("keys/" + name)["keys"])
	if err != nil {
		r.t.Fatal(err)
	}
	var versions []struct {
		KeyID string `json:"kid"`
		State string `json:"state"`
	}
	if err := json.Unmarshal(text, &versions); err != nil || strings.Contains(string(text), "private") {
		r.t.Fatalf("%s %v", text, err)
	}
	var list []string
	for _, v := range versions {
		list = append(list, v.State)
		kids = append(kids, v.KeyID)
	}
	return strings.Join(list, " "), kids
}

func (r *rig) keysAre(name, want string) []string {
	r.t.Helper()
	states, kids := r.keyStates(name)
	if states != want {
		r.t.Errorf("keys/%s: %s, want %s", name, states, want)
	}
	return kids
}

func (r *rig) published(kid string) bool {
	r.t.Helper()
	set := r.jwks()
	return len(set.Key(kid)) > 0
}

func TestKeysStory(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		r.write("keys/signing", map[string]any{"algorithm": "Ed25519", "activation_delay": "10m"})
		r.reads("keys/signing", map[string]any{"algorithm": "Ed25519", "rotation_period": 2592000.0, "activation_delay": 600.0})
		if names := r.list("keys/"); !slices.Equal(names, []string{"default", "signing"}) {
			t.Errorf("keys %v", names)
		}
		kids := r.keysAre("default", "current next")
		first := r.mint()

		rotated := r.write("keys/default/rotate", nil).Data
		now := r.keysAre("default", "retired current next")
		if rotated["kid"] != kids[1] || rotated["next_kid"] != now[2] || rotated["activates_at"] != "2027-03-01T12:00:00Z" {
			t.Errorf("rotated: %v", rotated)
		}
		if kid := r.credential(r.mint()).KeyID; kid != kids[1] {
			t.Errorf("signed with %s, the current key is %s", kid, kids[1])
		}
		rotated = r.write("keys/default/rotate", nil).Data
		r.keysAre("default", "retired current scheduled next")
		if rotated["activates_at"] != "2027-03-01T12:05:00Z" {
			t.Errorf("rotated: %v", rotated)
		}
		r.dead(first, false)
		r.clock.advance(25*time.Hour + time.Second)
		r.tick()
		r.keysAre("default", "current next")
		if r.published(kids[0]) || r.published(kids[1]) {
			t.Error("keys without a living token are still published")
		}
		r.start()
		r.keysAre("default", "current next")
	})
}

func TestKeysRotateOnTheirOwn(t *testing.T) {
	r := newRig(t)
	r.contract()
	r.write("keys/default", map[string]any{"rotation_period": "1h"})
	kids := r.keysAre("default", "current next")
	r.tick()
	r.keysAre("default", "current next")
	r.clock.advance(time.Hour)
	r.tick()
	if now := r.keysAre("default", "retired current next"); now[1] != kids[1] {
		t.Errorf("%s signs, the next key was %s", now[1], kids[1])
	}
	r.write("keys/default", map[string]any{"rotation_period": 0})
	r.clock.advance(time.Hour)
	r.tick()
	r.keysAre("default", "retired current next")
}

// One set that cannot rotate must not keep the others from it.
func TestAFullKeySetHoldsUpNoOther(t *testing.T) {
	r := newRig(t)
	r.contract()
	for _, name := range []string{"aaa", "zzz"} {
		r.write("keys/"+name, map[string]any{"rotation_period": "1h", "algorithm": "Ed25519"})
	}
	for range 62 {
		r.write("keys/aaa/rotate", nil)
	}
	r.badWrite("keys/aaa/rotate", nil, "wait for those to expire")
	r.badWrite("keys/aaa", map[string]any{"algorithm": "ES256"}, "wait for those to expire")
	r.clock.advance(2 * time.Hour)
	r.tick()
	r.keysAre("zzz", "retired current next")
}

func TestCompromisedKey(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		r.write("keys/other", nil)
		kids, others := r.keysAre("default", "current next"), r.keysAre("other", "current next")
		stolen := r.mint()
		r.badWrite("keys/default/revoke", nil, "kid is required")
		r.badWrite("keys/default/revoke", map[string]any{"kid": "nope"}, `key "default" has no kid "nope"`)
		r.badWrite("keys/default/revoke", map[string]any{"kid": others[0]}, "has no kid")
		r.badWrite("keys/other/revoke", map[string]any{"kid": kids[0]}, "has no kid")
		r.dead(stolen, false)

		for range 2 { // repeating it is harmless
			r.write("keys/default/revoke", map[string]any{"kid": kids[0]})
			r.keysAre("default", "current next")
			if r.published(kids[0]) {
				t.Error("a compromised key is published")
			}
			if r.active(stolen.Data["token"]) || r.follower().Dead(r.credential(stolen), r.clock.now().Unix()) == "" {
				t.Error("what a compromised key signed is alive")
			}
		}
		r.notRenewed(stolen, "credential_revoked")
		fresh := r.mint()
		if kid := r.credential(fresh).KeyID; kid != kids[1] {
			t.Errorf("signed with %s, the successor is %s", kid, kids[1])
		}
		r.dead(fresh, false)
		r.start()
		if r.active(stolen.Data["token"]) || r.published(kids[0]) {
			t.Error("after a restart the key is back")
		}
	})
}

func TestKeysInUse(t *testing.T) {
	r := newRig(t)
	r.contract()
	r.badWrite("keys/default", map[string]any{"algorithm": "Ed25519"}, `key "default" is used by 1 contracts: `+role)
	r.refused(logical.DeleteOperation, "keys/default", "", nil, 400, `key "default" is used by 1 contracts: `+role)
	resp := r.write("keys/default", map[string]any{"algorithm": "RS256"})
	if len(resp.Warnings) != 1 || !strings.Contains(resp.Warnings[0], "until it is rotated") {
		t.Errorf("warnings %v", resp.Warnings)
	}
	old := r.mint()
	if alg := r.jwks().Keys; len(alg) != 2 {
		t.Errorf("%d keys", len(alg))
	}
	r.clock.advance(5 * time.Minute)
	r.write("keys/default/rotate", nil)
	set := r.jwks()
	for token, want := range map[*logical.Response]string{old: "ES256", r.mint(): "RS256"} {
		if key := set.Key(r.credential(token).KeyID); key[0].Algorithm != want {
			t.Errorf("serial %v is signed with %s, want %s", token.Data["serial"], key[0].Algorithm, want)
		}
		r.dead(token, false)
	}
	r.delete("roles/" + role)
	r.refused(logical.DeleteOperation, "keys/default", "", nil, 400, "signs the feed and the status lists")
	r.write("keys/default", map[string]any{"algorithm": "Ed25519"})
	r.write("keys/mine", nil)
	r.delete("keys/mine")
	r.delete("keys/mine")
	if resp, err := r.do(logical.ReadOperation, "keys/mine", "", nil); resp != nil || err != nil {
		t.Errorf("a deleted key reads as %v %v", resp, err)
	}
}

// SPIFFE has no EdDSA: a key that still signs with it is none for JWT-SVIDs,
// also when its next key is of another kind.
func TestNoSVIDWithEd25519(t *testing.T) {
	r := newRig(t)
	r.contract()
	svid := map[string]any{"service": "payments", "scopes": "invoices:read", "bound_entity_ids": "e-orders", "credential": map[string]any{"profile": "jwt_svid", "key": "ed"}}
	r.badWrite("roles/svid", svid, `there is no key "ed"`)
	r.write("keys/ed", map[string]any{"algorithm": "Ed25519"})
	r.badWrite("roles/svid", svid, "is Ed25519")
	r.write("roles/"+role, map[string]any{"credential": map[string]any{"key": "ed"}})
	r.write("keys/ed", map[string]any{"algorithm": "ES256"})
	r.badWrite("roles/svid", svid, "is Ed25519")
	r.clock.advance(time.Hour)
	r.write("keys/ed/rotate", nil)
	r.write("roles/svid", svid)
}

func TestBadKeys(t *testing.T) {
	r := newRig(t)
	r.contract()
	for _, tc := range []struct {
		path string
		data map[string]any
		says string
	}{
		{"keys/k", map[string]any{"algorithm": "HS256"}, `algorithm "HS256" is unknown; use one of ES256, RS256, ES384, Ed25519`},
		{"keys/k", map[string]any{"algorithmm": "ES256"}, `did you mean "algorithm"?`},
		{"keys/k", map[string]any{"private": "x"}, "unknown field"},
		{"keys/k", map[string]any{"rotation_period": "-1h"}, "rotation_period"},
		{"keys/k", map[string]any{"activation_delay": []int{1, 2}}, "activation_delay must be a duration"},
		{"keys/default/rotate", map[string]any{"force": true}, `unknown field "force"; known fields: none`},
	} {
		r.badWrite(tc.path, tc.data, tc.says)
	}
	r.refused(logical.UpdateOperation, "keys/none/rotate", "", nil, 404, `there is no key "none"`)
	r.refused(logical.UpdateOperation, "keys/none/revoke", "", map[string]any{"kid": "k"}, 404, `there is no key "none"`)
	if names := r.list("keys/"); fmt.Sprint(names) != "[default]" {
		t.Errorf("refused writes made keys %v", names)
	}
}
