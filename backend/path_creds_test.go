package backend

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

const jkt = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"

// A token says what was granted, in the words of RFC 9068.
func TestAccessTokenStory(t *testing.T) {
	r := newRig(t)
	r.contract()
	resp := r.mintWith(map[string]any{"scopes": "invoices:read", "ttl": "2m", "dpop_jkt": jkt})
	contract := r.read("roles/" + role)
	claims := r.verified(resp.Data["token"].(string), "at+jwt")
	now := float64(r.clock.now().Unix())
	for claim, want := range map[string]any{
		"iss": issuer, "sub": resp.Data["subject"], "aud": "https://payments.internal", "iat": now, "nbf": now - 30, "exp": now + 3600,
		"jti": resp.Data["jti"], "client_id": "e-orders", "scope": "invoices:read",
	} {
		if claims[claim] != want {
			t.Errorf("claim %s is %v, want %v", claim, claims[claim], want)
		}
	}
	if cnf := claims["cnf"].(map[string]any); cnf["jkt"] != jkt || len(cnf) != 1 || resp.Data["token_type"] != "DPoP" {
		t.Errorf("cnf %v, token type %v", cnf, resp.Data["token_type"])
	}
	if own := claims["ramp"].(map[string]any); own["contract"] != role || own["id"] != contract["id"] || own["revision"] != contract["revision"] || own["serial"] != 0.0 {
		t.Errorf("ramp %v", own)
	}
	if len(claims) != 12 || resp.Secret.TTL != 2*time.Minute {
		t.Errorf("%d claims, a lease of %s", len(claims), resp.Secret.TTL)
	}
	again := r.mintWith(map[string]any{"ttl": "10h"})
	if again.Secret.TTL != 5*time.Minute || len(again.Warnings) != 1 || !strings.Contains(again.Warnings[0], "the lease has 300s") {
		t.Errorf("a lease of %s, warnings %v", again.Secret.TTL, again.Warnings)
	}
}

func TestSVIDStory(t *testing.T) {
	r := newRig(t)
	r.contract()
	r.write("roles/"+role, map[string]any{"credential": map[string]any{"profile": "jwt_svid"}, "subject": "spiffe://vault.example.com/{{identity.entity.name}}"})
	claims := r.verified(r.mint().Data["token"].(string), "JWT")
	if claims["sub"] != "spiffe://vault.example.com/orders" || claims["aud"] != "https://payments.internal" || claims["ramp"] != nil || claims["status"] == nil {
		t.Errorf("claims %v", claims)
	}
}

// Two modes, chosen by the service: renewable until max_ttl, or over with the lease.
func TestLeaseModes(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		r.write("services/payments", map[string]any{"revocation": "expiry"})
		resp := r.mint()
		claims := r.verified(resp.Data["token"].(string), "at+jwt")
		if s := resp.Secret; s.Renewable || s.TTL != 5*time.Minute || s.MaxTTL != s.TTL || resp.Data["expires_at"] != "2027-03-01T12:05:00Z" {
			t.Errorf("lease %s, at most %s, renewable %t, expires at %v", s.TTL, s.MaxTTL, s.Renewable, resp.Data["expires_at"])
		}
		if claims["exp"] != float64(r.clock.now().Unix()+300) || claims["status"] != nil {
			t.Errorf("claims %v", claims)
		}
	})
}

func TestDenials(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		deny := func(entity string, data map[string]any, code ramp.Code) {
			t.Helper()
			r.refused(logical.ReadOperation, "creds/"+role, entity, data, 403, "("+string(code)+")")
			r.refused(logical.UpdateOperation, "creds/"+role, entity, data, 403, "denied: ")
		}
		with := func(role map[string]any, check func()) {
			t.Helper()
			r.write("roles/orders-to-payments", role)
			check()
			undo := map[string]any{}
			for field := range role {
				undo[field] = nil
			}
			r.write("roles/orders-to-payments", undo)
			r.dead(r.mint(), false)
		}
		deny("", nil, ramp.CallerUnknown)
		deny("e-other", nil, ramp.CallerNotBound)
		deny("e-gone", nil, ramp.CallerDisabled)
		deny("e-orders", map[string]any{"scopes": "invoices:write"}, ramp.ScopeNotGranted)
		with(map[string]any{"not_before": "2027-03-01T12:00:01Z"}, func() { deny("e-orders", nil, ramp.ContractNotStarted) })
		with(map[string]any{"expires_at": "2027-03-01T12:00:00Z"}, func() { deny("e-orders", nil, ramp.ContractExpired) })
		with(map[string]any{"bound_cidrs": "192.0.2.0/24"}, func() { deny("e-orders", nil, ramp.SourceAddress) })
		with(map[string]any{"bound_groups": "dev"}, func() { deny("e-orders", nil, ramp.CallerNotBound) })
		with(map[string]any{"bound_alias_metadata": map[string]any{"env": "test"}}, func() { deny("e-orders", nil, ramp.CallerNotBound) })
		with(map[string]any{"bound_auth_mounts": "auth_jwt_2"}, func() { deny("e-orders", nil, ramp.CallerNotBound) })
		r.write("services/payments", map[string]any{"proof": "mtls"})
		deny("e-orders", nil, ramp.ProofRequired)
		deny("e-orders", map[string]any{"dpop_jkt": jkt}, ramp.ProofRequired)
		r.write("services/payments", map[string]any{"proof": ""})
		r.vault.entity("e-orders", func(e *logical.Entity) { e.Disabled = true })
		deny("e-orders", nil, ramp.CallerDisabled)
	})
}

// All that Vault tells about a caller gets through to the bindings.
func TestBindingsThatHold(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		r.write("roles/"+role, map[string]any{
			"bound_entity_names": "orders,billing", "bound_groups": "g-ops", "bound_entity_metadata": map[string]any{"team": "red"},
			"bound_alias_metadata": map[string]any{"env": "prod"}, "bound_auth_mounts": "auth_approle_1", "bound_cidrs": "10.0.0.0/8",
		})
		r.dead(r.mint(), false)
		r.vault.entity("e-orders", func(e *logical.Entity) {
			e.Aliases = append(slices.Clone(e.Aliases), &logical.Alias{ID: "a2", Name: "orders", MountAccessor: "auth_userpass_2"})
		})
		r.refused(logical.ReadOperation, "creds/"+role, "e-orders", nil, 403, "auth_userpass_2")
	})
}

func TestBadCredsRequests(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		for _, tc := range []struct {
			data map[string]any
			says string
		}{
			{map[string]any{"scope": "invoices:read"}, `did you mean "scopes"?`},
			{map[string]any{"scopes": ""}, "scopes is empty"},
			{map[string]any{"scopes": "a b"}, "separate several scopes with commas"},
			{map[string]any{"ttl": "-5m"}, "ttl"},
			{map[string]any{"ttl": "50ms"}, "whole seconds"},
			{map[string]any{"ttl": map[string]any{}}, "ttl must be a duration"},
			{map[string]any{"dpop_jkt": "short"}, "dpop_jkt must be a JWK SHA-256 thumbprint"},
			{map[string]any{"dpop_jkt": jkt, "public_key": "{}"}, "not both"},
			{map[string]any{"public_key": "junk"}, "public_key must be one JWK"},
			{map[string]any{"public_key": strings.Repeat("junk", 1<<18)}, "public_key must be one JWK"},
			{map[string]any{"entity_id": "e-other"}, `unknown field "entity_id"`},
		} {
			r.refused(logical.ReadOperation, "creds/"+role, "e-orders", tc.data, 400, tc.says)
			r.refused(logical.UpdateOperation, "creds/"+role, "e-orders", tc.data, 400, tc.says)
		}
		r.refused(logical.ReadOperation, "creds/none", "e-orders", nil, 404, `there is no contract "none"`)
		if serial := number(r.mint().Data["serial"]); serial != 0 {
			t.Errorf("refused requests used serials: the first is %v", serial)
		}
	})
}

// A request without a connection, as Vault's own, is in no CIDR block.
func TestNoConnection(t *testing.T) {
	r := newRig(t)
	r.contract()
	r.write("roles/"+role, map[string]any{"bound_cidrs": "0.0.0.0/0,::/0"})
	for _, conn := range []*logical.Connection{nil, {}, {RemoteAddr: "somewhere"}} {
		_, err := r.backend.HandleRequest(context.Background(), &logical.Request{Operation: logical.ReadOperation, Path: "creds/" + role, Storage: r.storage, EntityID: "e-orders", Connection: conn})
		if status(err) != 403 || !strings.Contains(err.Error(), "source_address") {
			t.Errorf("%+v: %v", conn, err)
		}
	}
}

// More serials than one reserved block has: they go on, also after restarts.
func TestSerialsGoOn(t *testing.T) {
	r := newRig(t)
	r.contract()
	last := -1.0
	for n := range 2*serialBlock + 10 {
		if n%3000 == 2999 {
			r.start()
		}
		serial := number(r.mint().Data["serial"])
		if serial <= last {
			t.Fatalf("serial %v follows %v", serial, last)
		}
		last = serial
	}
	if last >= 5*serialBlock {
		t.Errorf("three restarts used up serials up to %v", last)
	}
}
