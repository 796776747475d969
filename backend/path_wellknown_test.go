package backend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
)

func TestDiscoveryStory(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.refused(logical.ReadOperation, ".well-known/openid-configuration", "", nil, 404, "not configured")
		if keys := r.document(".well-known/jwks.json")["keys"]; fmt.Sprint(keys) != "[]" {
			t.Errorf("keys before the first config: %v", keys)
		}
		r.contract()
		for _, algorithm := range []string{"RS256", "Ed25519"} {
			r.write("keys/"+algorithm, map[string]any{"algorithm": algorithm})
		}
		doc := r.document(".well-known/openid-configuration")
		for field, want := range map[string]any{
			"issuer": issuer, "jwks_uri": issuer + "/.well-known/jwks.json", "introspection_endpoint": issuer + "/introspect", "revocation_endpoint": issuer + "/revoke",
			"id_token_signing_alg_values_supported": []any{"RS256", "ES256", "EdDSA"},
		} {
			if marshalled(doc[field]) != marshalled(want) {
				t.Errorf("%s is %v, want %v", field, doc[field], want)
			}
		}
		resp, err := r.do(logical.ReadOperation, ".well-known/jwks.json", "", nil)
		if err != nil || resp.Data[logical.HTTPCacheControlHeader] != "public, max-age=60" {
			t.Errorf("%v %v", resp.Data[logical.HTTPCacheControlHeader], err)
		}
		r.publicOnly(r.document(".well-known/jwks.json"), "sig", 6)
	})
}

// publicOnly asserts that a document of keys has no private number.
func (r *rig) publicOnly(doc map[string]any, use string, n int) {
	r.t.Helper()
	keys := doc["keys"].([]any)
	for _, key := range keys {
		for member := range key.(map[string]any) {
			if !slices.Contains([]string{"kty", "kid", "alg", "use", "crv", "x", "y", "n", "e"}, member) {
				r.t.Errorf("member %q in %v", member, key)
			}
		}
		if key.(map[string]any)["use"] != use {
			r.t.Errorf("use %v, want %s", key.(map[string]any)["use"], use)
		}
	}
	if len(keys) != n {
		r.t.Errorf("%d keys, want %d", len(keys), n)
	}
}

func TestBundleStory(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		if doc := r.document("bundle"); marshalled(doc) != `{"keys":[],"spiffe_refresh_hint":60,"spiffe_sequence":0}` {
			t.Errorf("before the first config: %s", marshalled(doc))
		}
		r.contract()
		r.write("keys/ed", map[string]any{"algorithm": "Ed25519"})
		first := r.document("bundle")
		r.publicOnly(first, "jwt-svid", 2) // JWT-SVIDs know no EdDSA
		last := first["spiffe_sequence"].(float64)
		for _, change := range []func(){
			func() { r.write("keys/default/rotate", nil) },
			func() { r.write("keys/default", map[string]any{"algorithm": "ES384"}) },
			func() {
				_, kids := r.keyStates("default")
				r.write("keys/default/revoke", map[string]any{"kid": kids[0]})
			},
			func() { r.delete("keys/ed") },
		} {
			before, _ := json.Marshal(r.jwks())
			change()
			after, _ := json.Marshal(r.jwks())
			now := r.document("bundle")["spiffe_sequence"].(float64)
			if bytes.Equal(before, after) || now <= last {
				t.Errorf("the keys changed from %s to %s, the sequence from %v to %v", before, after, last, now)
			}
			last = now
		}
		r.start()
		if now := r.document("bundle")["spiffe_sequence"].(float64); now != last {
			t.Errorf("after a restart the sequence is %v, was %v", now, last)
		}
	})
}

// Everything an outsider may read without a token is on the list, and nothing else.
func TestUnauthenticatedPaths(t *testing.T) {
	r := newRig(t)
	special := r.backend.SpecialPaths()
	if want := []string{".well-known/openid-configuration", ".well-known/jwks.json", "bundle", "conditions/*", "status/*", "feed", "health"}; !slices.Equal(special.Unauthenticated, want) {
		t.Errorf("unauthenticated: %v", special.Unauthenticated)
	}
	r.contract()
	r.mint()
	var secret []string
	for _, key := range r.storage.keys("") {
		entry, err := r.storage.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(entry.Value, []byte(`"private"`)) {
			secret = append(secret, key)
		}
	}
	if !slices.Equal(secret, []string{"keys/default", "ledger/key"}) || !slices.Equal(special.SealWrapStorage, []string{"keys/", "ledger/key"}) {
		t.Errorf("private keys in %v, seal-wrapped is %v", secret, special.SealWrapStorage)
	}
}
