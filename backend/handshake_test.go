package backend

import (
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// transports are the ways in which requests reach the engine.
var transports = map[string]func(*rig) logical.Backend{"in process": inProcess, "plugin boundary": acrossBoundary}

func eachTransport(t *testing.T, story func(*testing.T, *rig)) {
	t.Helper()
	for name, open := range transports {
		t.Run(name, func(t *testing.T) {
			r := newRigVia(t, open)
			r.start()
			story(t, r)
		})
	}
}

func TestHandshake(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		resp := r.mint()
		contract := r.read("roles/" + role)
		data := map[string]any{}
		for k, v := range resp.Data {
			data[k] = v
		}
		delete(data, "token")
		want := map[string]any{
			"token_type": "Bearer", "expires_at": "2027-03-01T13:00:00Z", "scope": "invoices:read", "audience": "https://payments.internal",
			"subject": "spiffe://vault.example.com/entity/e-orders", "contract": role, "jti": contract["id"].(string) + ".0", "revision": contract["revision"],
		}
		for k, v := range want {
			if data[k] != v {
				t.Errorf("%s is %v, want %v", k, data[k], v)
			}
		}
		if number(data["serial"]) != 0 || len(data) != len(want)+1 {
			t.Errorf("response %+v", data)
		}
		if s := resp.Secret; s.TTL != 5*time.Minute || s.MaxTTL != time.Hour || !s.Renewable {
			t.Errorf("lease %s, at most %s, renewable %t", s.TTL, s.MaxTTL, s.Renewable)
		}
		r.dead(resp, false)

		r.clock.advance(4 * time.Minute)
		renewed, err := r.renew(resp)
		if err != nil || renewed.Secret.TTL != 5*time.Minute || renewed.Secret.MaxTTL != 9*time.Minute {
			t.Fatalf("renewed %+v: %v", renewed, err)
		}
		if second := r.mint(); number(second.Data["serial"]) != 1 || second.Data["token"] == resp.Data["token"] {
			t.Errorf("the second credential has serial %v", second.Data["serial"])
		}

		r.revoke(resp)
		r.dead(resp, true)
		r.notRenewed(resp, "credential_revoked")
		r.revoke(resp) // once more is harmless
	})
}

// number is a number on either side of the plugin boundary.
func number(v any) float64 {
	switch n := v.(type) {
	case float64:
		return n
	case int64:
		return float64(n)
	case uint64:
		return float64(n)
	case interface{ Float64() (float64, error) }:
		f, _ := n.Float64()
		return f
	}
	return -1
}
