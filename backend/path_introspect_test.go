package backend

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

func TestIntrospectionStory(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		resp := r.mintWith(map[string]any{"dpop_jkt": jkt})
		answer := r.introspected(resp.Data["token"])
		claims := r.verified(resp.Data["token"].(string), "at+jwt")
		copied := answer["data"].(map[string]any)
		delete(answer, "data")
		for _, got := range []map[string]any{answer, copied} {
			if got["active"] != true || got["token_type"] != "DPoP" {
				t.Errorf("answer %v", got)
			}
			for claim, want := range claims {
				if text, _ := json.Marshal(got[claim]); string(text) != marshalled(want) {
					t.Errorf("claim %s is %s, want %s", claim, text, marshalled(want))
				}
			}
		}
		plain := r.introspected(r.mint().Data["token"])
		if plain["token_type"] != "Bearer" {
			t.Errorf("answer %v", plain)
		}
	})
}

func marshalled(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

func (r *rig) introspected(token any) map[string]any {
	r.t.Helper()
	var answer map[string]any
	if err := json.Unmarshal(bodyOf(r, r.write("introspect", map[string]any{"token": token, "token_type_hint": "access_token"})), &answer); err != nil {
		r.t.Fatal(err)
	}
	return answer
}

// Of a token that is not alive nothing is told but that.
func TestInactiveTokens(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		jws := func() string { t.Helper(); return r.mint().Data["token"].(string) }
		good, gone, list := jws(), jws(), ""
		body, _ := r.raw("status/"+r.read("roles/" + role)["id"].(string)+"/0", nil)
		list = string(body)
		feed, _ := r.raw("feed", nil)
		r.write("revoke", map[string]any{"token": gone})
		other := newRig(t)
		other.contract()
		for name, token := range map[string]any{
			"junk": "junk", "dots": "..", "a status list": list, "the feed": string(feed), "revoked": gone,
			"of another mount": other.mint().Data["token"], "spaced": good + " ", "cut": good[:len(good)-8], "1 MiB": strings.Repeat("a.b.", 1<<18),
		} {
			if answer := r.introspected(token); !maps.EqualFunc(answer, map[string]any{"active": false, "data": map[string]any{"active": false}}, func(a, b any) bool { return marshalled(a) == marshalled(b) }) {
				t.Errorf("%s: %v", name, answer)
			}
		}
		if !r.active(good) {
			t.Error("the good one is not active")
		}
		r.write("config", map[string]any{"issuer": issuer + "2"})
		if r.active(good) {
			t.Error("active under another issuer")
		}
		r.write("config", map[string]any{"issuer": issuer})
		r.vault.entity("e-orders", func(e *logical.Entity) { e.Disabled = true })
		if r.active(good) {
			t.Error("active while the caller is disabled")
		}
		r.vault.entity("e-orders", func(e *logical.Entity) { e.Disabled = false })
		r.clock.advance(time.Hour - time.Second)
		if !r.active(good) {
			t.Error("not active a second before it expires")
		}
		r.clock.advance(time.Second)
		if r.active(good) {
			t.Error("active after it has expired")
		}
		r.badWrite("introspect", nil, "token is required")
		r.badWrite("introspect", map[string]any{"tokn": good}, `did you mean "token"?`)
	})
}

// FuzzIntrospect: whatever is presented, introspection answers, and nothing is
// active but what was minted.
func FuzzIntrospect(f *testing.F) {
	r := newRig(f)
	r.contract()
	minted := r.mint().Data["token"].(string)
	dead := r.mint()
	r.revoke(dead)
	body, _ := r.raw("feed", nil)
	part := strings.Split(minted, ".")
	f.Add(minted)
	f.Add(dead.Data["token"].(string))
	f.Add(string(body))
	f.Add(part[0] + "." + part[1] + ".")
	f.Add("eyJhbGciOiJub25lIn0." + part[1] + ".")
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		r.t = t
		resp, err := r.do(logical.UpdateOperation, "introspect", "", map[string]any{"token": token})
		if token == "" {
			if status(err) != 400 {
				t.Fatalf("no token: %v", err)
			}
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", token, err)
		}
		var answer map[string]any
		if err := json.Unmarshal(resp.Data[logical.HTTPRawBody].([]byte), &answer); err != nil {
			t.Fatal(err)
		}
		// The signature of a minted token has a mirror image, which is as good.
		if answer["active"] == true && !strings.HasPrefix(token, part[0]+"."+part[1]+".") {
			t.Fatalf("%q is active", token)
		}
		if r.engine.panics.Load() > 0 {
			t.Fatalf("%q made a panic", token)
		}
	})
}
