package e2e_test

import "testing"

// Before the issuer is set nothing is minted or published, and the answers say what to do.
func TestUnconfiguredMount(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.Mount("new")
	r.Policy("caller", `path "new/creds/*" { capabilities = ["read"] }`)
	if state := r.health(t, "new"); state != "unconfigured" {
		t.Errorf("state is %s", state)
	}
	_, err := r.orders.Client.Logical().Read("new/creds/orders-to-payments")
	wantRefused(t, err, 400, "set the issuer first: vault write <mount>/config issuer=")
	_, err = r.Client.Logical().Write("new/config", fields{"max_ttl": "1h"})
	wantRefused(t, err, 400, "issuer is required", "issuer=https://")
	_, err = r.Client.Logical().Write("new/services/payments", fields{"audience": audience, "scopes": "a"})
	wantDone(t, err)
	_, err = r.Client.Logical().Write("new/roles/orders-to-payments", fields{"service": "payments", "scopes": "a", "bound_entity_ids": "x"})
	wantRefused(t, err, 400, "issuer")
	for _, path := range []string{"new/.well-known/openid-configuration", "new/feed", "new/status/abc/0"} {
		resp, err := r.As("").Logical().ReadRaw(path)
		wantRefused(t, err, 404, "no issuer is set")
		if resp != nil {
			resp.Body.Close()
		}
	}

	r.Write("new/config", fields{"issuer": r.Addr + "/v1/new"})
	if state := r.health(t, "new"); state != "serving" {
		t.Errorf("state is %s", state)
	}
	r.Write("new/roles/orders-to-payments", fields{"service": "payments", "scopes": "a", "bound_entity_ids": r.orders.EntityID})
	if _, err := r.orders.Client.Logical().Read("new/creds/orders-to-payments"); err != nil {
		t.Error(err)
	}
}

// health asks without a token.
func (r *rig) health(t *testing.T, mount string) string {
	t.Helper()
	answer, err := r.As("").Logical().Read(mount + "/health")
	if err != nil {
		t.Fatal(err)
	}
	return answer.Data["state"].(string)
}
