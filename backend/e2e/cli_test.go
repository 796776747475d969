package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// vault runs the vault CLI as the holder of a token and returns what it printed.
func (r *rig) vault(t *testing.T, token string, args ...string) string {
	t.Helper()
	out, diag, exit := r.CLI(token, args...)
	if exit != 0 {
		t.Fatalf("vault %s: exit %d: %s", strings.Join(args, " "), exit, diag)
	}
	return out
}

const contractJSON = `{
  "service": "payments",
  "scopes": ["invoices:read"],
  "bound_entity_names": ["orders"],
  "ttl": "5m",
  "metadata": {"owner": "team-orders", "ticket": "OPS-1"}
}`

// The handshake of the product, with nothing but the vault command.
func TestCLI(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	root, caller := r.RootToken, r.orders.Token
	r.vault(t, root, "write", "ramp/services/payments", "audience=https://payments.internal",
		"scopes=invoices:read,invoices:write", "max_ttl=1h", "revocation=status", "metadata=owner=team-payments")
	file := filepath.Join(t.TempDir(), "contract.json")
	if err := os.WriteFile(file, []byte(contractJSON), 0o600); err != nil {
		t.Fatal(err)
	}
	r.vault(t, root, "write", "ramp/roles/orders-to-payments", "@"+file)

	t.Run("reads back what was written", func(t *testing.T) {
		for path, wants := range map[string]map[string]string{
			"ramp/services/payments":        {"audience": "https://payments.internal", "max_ttl": "3600", "scopes": "[invoices:read invoices:write]", "state": "active", "metadata": "map[owner:team-payments]"},
			"ramp/roles/orders-to-payments": {"service": "payments", "ttl": "300", "credential_type": "jwt", "bound_entity_names": "[orders]", "state": "active", "floor": "0"},
			"ramp/keys/default":             {"algorithm": "ES256", "rotation_period": "2592000", "activation_delay": "300"},
			"ramp/config":                   {"issuer": r.Addr + issuerPath, "trust_domain": "127.0.0.1", "default_ttl": "900", "max_ttl": "86400"},
		} {
			for field, want := range wants {
				if got := r.vault(t, root, "read", "-field="+field, path); strings.TrimSpace(got) != want {
					t.Errorf("%s: %s is %s, want %s", path, field, got, want)
				}
			}
		}
	})

	t.Run("lists", func(t *testing.T) {
		for path, want := range map[string]string{
			"ramp/services": "payments", "ramp/services/": "payments", "ramp/roles": "orders-to-payments", "ramp/keys": "default",
		} {
			var names []string
			if err := json.Unmarshal([]byte(r.vault(t, root, "list", "-format=json", path)), &names); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(names, []string{want}) {
				t.Errorf("%s lists %v", path, names)
			}
		}
	})

	t.Run("mints, renews and revokes", func(t *testing.T) {
		var c struct {
			Lease string `json:"lease_id"`
			Data  struct {
				Token   string `json:"token"`
				Type    string `json:"token_type"`
				Scope   string `json:"scope"`
				Subject string `json:"subject"`
			} `json:"data"`
		}
		if err := json.Unmarshal([]byte(r.vault(t, caller, "read", "-format=json", "ramp/creds/orders-to-payments")), &c); err != nil {
			t.Fatal(err)
		}
		if want := "spiffe://127.0.0.1/entity/" + r.orders.EntityID; c.Data.Subject != want || c.Data.Scope != "invoices:read" || c.Data.Type != "Bearer" {
			t.Errorf("got %+v", c.Data)
		}
		active := func() string {
			t.Helper()
			return strings.TrimSpace(r.vault(t, root, "write", "-field=active", "ramp/introspect", "token="+c.Data.Token))
		}
		if active() != "true" {
			t.Error("a new token is not active")
		}
		if out := r.vault(t, caller, "lease", "renew", c.Lease); !strings.Contains(out, "lease_renewable    true") {
			t.Errorf("renewal says:\n%s", out)
		}
		r.vault(t, root, "lease", "revoke", "-sync", c.Lease)
		if active() != "false" {
			t.Error("a revoked token is active")
		}
		_, diag, exit := r.CLI(caller, "lease", "renew", c.Lease)
		if exit == 0 || !strings.Contains(diag, "lease not found") {
			t.Errorf("renewal after the revocation: exit %d: %s", exit, diag)
		}
	})

	t.Run("asks for less, or for too much", func(t *testing.T) {
		type answer struct {
			Duration int      `json:"lease_duration"`
			Warnings []string `json:"warnings"`
		}
		for ttl, want := range map[string]answer{"2m": {Duration: 120}, "2h": {300, []string{"ttl 7200s is more than the contract grants; the lease has 300s"}}} {
			var got answer
			out := r.vault(t, caller, "read", "-format=json", "ramp/creds/orders-to-payments", "ttl="+ttl, "scopes=invoices:read")
			if err := json.Unmarshal([]byte(out), &got); err != nil {
				t.Fatal(err)
			}
			if got.Duration != want.Duration || !slices.Equal(got.Warnings, want.Warnings) {
				t.Errorf("ttl=%s: %+v", ttl, got)
			}
		}
		_, diag, exit := r.CLI(caller, "read", "ramp/creds/orders-to-payments", "scope=invoices:read")
		if exit != 2 || !strings.Contains(diag, `unknown field "scope" (did you mean "scopes"?)`) {
			t.Errorf("exit %d: %s", exit, diag)
		}
	})

	t.Run("says why it refuses", func(t *testing.T) {
		_, diag, exit := r.CLI(root, "read", "ramp/creds/orders-to-payments")
		if exit != 2 || !strings.Contains(diag, "Code: 403") || !strings.Contains(diag, "(caller_unknown)") {
			t.Errorf("exit %d: %s", exit, diag)
		}
		_, diag, exit = r.CLI(root, "write", "ramp/roles/orders-to-payments", "max_tll=1h")
		if exit != 2 || !strings.Contains(diag, `unknown field "max_tll" (did you mean "max_ttl"?)`) {
			t.Errorf("exit %d: %s", exit, diag)
		}
	})

	t.Run("deletes", func(t *testing.T) {
		_, diag, exit := r.CLI(root, "delete", "ramp/services/payments")
		if exit == 0 || !strings.Contains(diag, "orders-to-payments") {
			t.Errorf("a service in use was deleted: exit %d: %s", exit, diag)
		}
		r.vault(t, root, "delete", "ramp/roles/orders-to-payments")
		r.vault(t, root, "delete", "ramp/services/payments")
		if _, diag, exit := r.CLI(root, "list", "ramp/services"); exit != 2 || !strings.Contains(diag, "No value found") {
			t.Errorf("after the deletion: exit %d: %s", exit, diag)
		}
	})
}
