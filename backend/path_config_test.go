package backend

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// seconds makes numbers comparable on both sides of the plugin boundary.
func settled(data map[string]any) map[string]any {
	out := maps.Clone(data)
	for k, v := range out {
		if n := number(v); n >= 0 {
			out[k] = n
		}
	}
	return out
}

func (r *rig) reads(path string, want map[string]any) {
	r.t.Helper()
	got := settled(r.read(path))
	for k, v := range want {
		if got[k] != v {
			r.t.Errorf("%s: %s is %v, want %v", path, k, got[k], v)
		}
	}
}

func TestConfigStory(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.reads("config", map[string]any{"issuer": "", "trust_domain": "", "default_ttl": 900.0, "max_ttl": 86400.0, "not_before_leeway": 30.0})
		r.refused(logical.ReadOperation, "creds/"+role, "e-orders", nil, 400, "set the issuer first")
		r.write("config", map[string]any{"issuer": "https://Vault.example.com:8200/v1/ramp"})
		r.reads("config", map[string]any{"issuer": "https://Vault.example.com:8200/v1/ramp", "trust_domain": "vault.example.com"})
		if keys := r.list("keys/"); len(keys) != 1 || keys[0] != "default" {
			t.Errorf("the first write made keys %v", keys)
		}
		r.write("config", map[string]any{"trust_domain": "example.com", "max_ttl": "12h"})
		r.write("config", map[string]any{"default_ttl": 600})
		want := map[string]any{"issuer": "https://Vault.example.com:8200/v1/ramp", "trust_domain": "example.com", "default_ttl": 600.0, "max_ttl": 43200.0}
		r.reads("config", want)
		r.start()
		r.reads("config", want)
		r.write("config", map[string]any{"trust_domain": "", "default_ttl": "", "max_ttl": nil, "not_before_leeway": "0s"})
		r.reads("config", map[string]any{"trust_domain": "vault.example.com", "default_ttl": 900.0, "max_ttl": 86400.0, "not_before_leeway": 0.0})
	})
}

func TestBadConfig(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.write("config", map[string]any{"issuer": issuer})
		before := settled(r.read("config"))
		for _, tc := range []struct {
			data map[string]any
			says string
		}{
			{map[string]any{"isuer": issuer}, `unknown field "isuer" (did you mean "issuer"?)`},
			{map[string]any{"issuer": ""}, "issuer is required"},
			{map[string]any{"issuer": "vault.example.com"}, "is not a URL"},
			{map[string]any{"issuer": "http://vault.example.com/v1/ramp"}, "must use https"},
			{map[string]any{"issuer": "http://127.0.0.1.example.com/v1/ramp"}, "must use https"},
			{map[string]any{"issuer": "ftp://vault.example.com"}, `scheme "ftp"`},
			{map[string]any{"issuer": issuer + "/"}, "end with a slash"},
			{map[string]any{"issuer": issuer + "?x=y"}, "neither user, query nor fragment"},
			{map[string]any{"issuer": issuer + "?"}, "neither user, query nor fragment"},
			{map[string]any{"issuer": issuer + "#"}, "neither user, query nor fragment"},
			{map[string]any{"issuer": "https://root:pw@vault.example.com"}, "neither user, query nor fragment"},
			{map[string]any{"issuer": "https://" + strings.Repeat("a", 1<<20)}, "the limit is"},
			{map[string]any{"issuer": []string{"a", "b"}}, "issuer must be a string"},
			{map[string]any{"trust_domain": "Example.com"}, "not a SPIFFE trust domain"},
			{map[string]any{"trust_domain": strings.Repeat("a", 256)}, "not a SPIFFE trust domain"},
			{map[string]any{"default_ttl": "25h"}, "above max_ttl"},
			{map[string]any{"max_ttl": "800h"}, "tune the mount first"},
			{map[string]any{"max_ttl": "-1h"}, "max_ttl"},
			{map[string]any{"max_ttl": "1.5s"}, "whole seconds"},
			{map[string]any{"max_ttl": "500ms"}, "whole seconds"},
			{map[string]any{"max_ttl": 0.5}, "whole seconds"},
			{map[string]any{"max_ttl": "soon"}, "max_ttl must be a duration"},
			{map[string]any{"max_ttl": "99999999999999999999s"}, "max_ttl must be a duration"},
			{map[string]any{"max_ttl": 1 << 40}, "max_ttl must be a duration"},
			{map[string]any{"not_before_leeway": "601s"}, "between 0s and 10m"},
		} {
			r.badWrite("config", tc.data, tc.says)
		}
		if after := settled(r.read("config")); !maps.Equal(before, after) {
			t.Errorf("a refused write left %v", after)
		}
		r.start()
		if after := settled(r.read("config")); !maps.Equal(before, after) {
			t.Errorf("a refused write stored %v", after)
		}
	})
}

func TestLoopbackIssuers(t *testing.T) {
	for host, domain := range map[string]string{"localhost": "localhost", "127.0.0.1:8200": "127.0.0.1", "[::1]:8200": "localhost"} {
		r := newRig(t)
		r.write("config", map[string]any{"issuer": "http://" + host + "/v1/ramp"})
		r.reads("config", map[string]any{"trust_domain": domain})
	}
}

// The mount is tuned to less, and later to more: its ceiling is in force at the
// next look, and what died before stays dead as long as its tokens could live.
func TestTunedMount(t *testing.T) {
	r := newRig(t)
	r.contract()
	r.write("services/payments", map[string]any{"max_ttl": 0})
	long := r.mint()
	if until := long.Data["expires_at"]; until != "2027-03-02T12:00:00Z" {
		t.Fatalf("expires at %v", until)
	}
	r.vault.tune(time.Hour)
	r.tick()
	if until := r.mint().Data["expires_at"]; until != "2027-03-01T13:00:00Z" {
		t.Errorf("after the mount was tuned to 1h, a credential expires at %v", until)
	}
	r.write("config", map[string]any{"not_before_leeway": 10}) // rewrites the config while the mount is low
	r.write("roles/"+role+"/revoke", nil)
	for range 23 {
		r.clock.advance(time.Hour)
		r.tick()
	}
	r.dead(long, true)
	r.start()
	r.dead(long, true)
	r.vault.tune(768 * time.Hour)
	r.tick()
	if until := r.mint().Data["expires_at"]; until != "2027-03-03T11:00:00Z" {
		t.Errorf("after the mount was tuned up again, a credential expires at %v", until)
	}
}

// The same for max_ttl of the config: keys and kills outlive the longest token.
func TestLoweredMaxTTL(t *testing.T) {
	r := newRig(t)
	r.contract()
	r.write("services/payments", map[string]any{"max_ttl": 0})
	dead, alive := r.mint(), r.mint()
	r.write("config", map[string]any{"max_ttl": "1h"})
	r.revoke(dead)
	r.write("keys/default/rotate", nil)
	for range 23 {
		r.clock.advance(time.Hour)
		r.tick()
	}
	r.dead(dead, true)
	r.dead(alive, false)
	r.clock.advance(4 * time.Hour)
	r.tick()
	if keys := r.storage.keys("status/"); len(keys) != 0 {
		t.Errorf("long after it has expired, a revocation is still stored: %v", keys)
	}
}
