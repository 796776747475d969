package e2e_test

import (
	"testing"

	"github.com/hashicorp/vault/api"
)

const (
	serviceTeamPolicy = `
path "ramp/services/*" { capabilities = ["create", "read", "update", "delete", "list"] }
path "ramp/roles/*"    { capabilities = ["read", "list"] }`

	platformTeamPolicy = `
path "ramp/roles/*"    { capabilities = ["create", "read", "update", "delete", "list"] }
path "ramp/services/*" { capabilities = ["read", "list"] }`

	ordersPolicy = `path "ramp/creds/orders-to-payments" { capabilities = ["read"] }`
)

// Vault's policies keep the two teams and the caller apart: each does its part of the handshake and no other.
func TestTeams(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	payments := r.User("payments-team", r.Policy("service-team", serviceTeamPolicy)).Client
	platform := r.User("platform-team", r.Policy("platform-team", platformTeamPolicy)).Client
	caller := r.AppRole("shop", r.Policy("shop", ordersPolicy))

	service := fields{"audience": audience, "scopes": "invoices:read"}
	contract := fields{"service": "payments", "scopes": "invoices:read", "bound_entity_ids": caller.EntityID}

	t.Run("the platform team cannot change services or consent for them", func(t *testing.T) {
		wantForbidden(t, write(platform, "services/payments", service))
		wantForbidden(t, write(platform, "services/payments/suspend", nil))
		wantForbidden(t, write(platform, "services/payments/consents/orders-to-payments", fields{"revision": "abc"}))
		if got := r.read(t, "services/payments"); got != nil {
			t.Errorf("the service was stored: %v", got)
		}
	})
	t.Run("each does its part", func(t *testing.T) {
		wantDone(t, write(payments, "services/payments", service))
		wantDone(t, write(platform, "roles/orders-to-payments", contract))
		wantDone(t, write(platform, "roles/somebody-else", contract))
		r.mint(t, caller.Client, "orders-to-payments", nil)
	})
	t.Run("the service team cannot change contracts", func(t *testing.T) {
		before := r.read(t, "roles/orders-to-payments")["revision"]
		wantForbidden(t, write(payments, "roles/orders-to-payments", fields{"ttl": "1h"}))
		wantForbidden(t, write(payments, "roles/more", contract))
		wantForbidden(t, write(payments, "roles/orders-to-payments/revoke", nil))
		wantForbidden(t, remove(payments, "roles/orders-to-payments"))
		if after := r.read(t, "roles/orders-to-payments")["revision"]; after != before || r.read(t, "roles/more") != nil {
			t.Errorf("revision was %v, is %v", before, after)
		}
	})
	t.Run("the platform team cannot delete services", func(t *testing.T) {
		wantForbidden(t, remove(platform, "services/payments"))
	})
	t.Run("the caller can read its credentials and nothing else", func(t *testing.T) {
		for _, path := range []string{"config", "keys/default", "services/payments", "roles/orders-to-payments", "creds/somebody-else"} {
			_, err := caller.Client.Logical().Read("ramp/" + path)
			wantForbidden(t, err)
		}
		for _, path := range []string{
			"config", "keys/default", "keys/default/rotate", "keys/default/revoke", "services/payments", "services/payments/suspend",
			"roles/orders-to-payments", "roles/orders-to-payments/resume", "callers/" + caller.EntityID + "/resume",
			"creds/orders-to-payments", "introspect", "revoke",
		} {
			wantForbidden(t, write(caller.Client, path, nil))
		}
		for _, path := range []string{"keys", "services", "roles"} {
			_, err := caller.Client.Logical().List("ramp/" + path)
			wantForbidden(t, err)
		}
	})
	t.Run("neither team gets credentials", func(t *testing.T) {
		for _, client := range []*api.Client{payments, platform} {
			_, err := client.Logical().Read("ramp/creds/orders-to-payments")
			wantForbidden(t, err)
		}
	})
}

func write(client *api.Client, path string, data fields) error {
	_, err := client.Logical().Write("ramp/"+path, data)
	return err
}

func remove(client *api.Client, path string) error {
	_, err := client.Logical().Delete("ramp/" + path)
	return err
}

func wantDone(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// wantForbidden fails the test unless a Vault policy refused.
func wantForbidden(t *testing.T, err error) {
	t.Helper()
	wantRefused(t, err, 403, "permission denied")
}
