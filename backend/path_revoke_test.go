package backend

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// A pipeline finds a token in a log and presents it, knowing nothing else.
func TestLeakedToken(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		leaked, other, old := r.mint(), r.mint(), r.mint()
		for range 2 {
			resp := r.write("revoke", map[string]any{"token": leaked.Data["token"], "token_type_hint": "access_token"})
			if code := number(resp.Data[logical.HTTPStatusCode]); code != 200 && resp.Data[logical.HTTPStatusCode] != 200 {
				t.Errorf("status %v", resp.Data[logical.HTTPStatusCode])
			}
		}
		r.dead(leaked, true)
		r.dead(other, false)
		for _, unknown := range []any{"junk", "..", other.Data["token"].(string) + "x", strings.Repeat("x", 1<<20)} {
			r.write("revoke", map[string]any{"token": unknown})
		}
		r.dead(other, false)
		r.badWrite("revoke", nil, "token is required")

		r.write("config", map[string]any{"issuer": "https://new.example.com/v1/ramp"})
		r.write("revoke", map[string]any{"token": old.Data["token"]})
		r.write("config", map[string]any{"issuer": issuer})
		r.dead(old, true)

		r.delete("roles/" + role)
		r.delete("services/payments")
		r.write("revoke", map[string]any{"token": other.Data["token"]})
		r.dead(other, true)
	})
}

func TestExpiredTokensCostNothing(t *testing.T) {
	r := newRig(t)
	r.contract()
	old := r.mint()
	r.clock.advance(time.Hour + time.Second)
	_, writes := r.storage.counted(func() { r.write("revoke", map[string]any{"token": old.Data["token"]}) })
	if writes != 0 {
		t.Errorf("%d writes", writes)
	}
}
