package e2e_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// Neither log nor error nor answer repeats a secret, whatever mistake is made with it.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	r := newRig(t, vaulttest.WithAudit())
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	key := newKeyPair(t)
	c := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	signature := c.Token[strings.LastIndex(c.Token, ".")+1:]
	said := ""
	mistake := func(path string, data fields) {
		t.Helper()
		_, err := r.orders.Client.Logical().Write("ramp/"+path, data)
		if err == nil {
			_, err = r.Client.Logical().Write("ramp/"+path, data)
		}
		if err == nil {
			t.Errorf("%s accepts %v", path, data)
			return
		}
		said += err.Error()
	}
	r.Policy("caller", callerPolicy+"\n"+`path "ramp/*" { capabilities = ["create", "update"] }`)
	mistake("introspect", fields{"token": fields{"value": c.Token}})
	mistake("introspect", fields{"token": []string{c.Token}, "tok": c.Token})
	mistake("revoke", fields{"token": fields{"value": c.Token}})
	mistake("creds/orders-to-payments", fields{"public_key": key.private})
	mistake("creds/orders-to-payments", fields{"public_key": fields{"key": key.private}})
	mistake("roles/orders-to-payments", fields{"metadata": []string{c.Token}})
	mistake("keys/default", fields{"algorithm": fields{"key": key.private}})
	mistake("keys/own", fields{"algorithm": key.private})
	wantDone(t, r.Client.Sys().Revoke(c.Lease))

	var jwk map[string]string
	if err := json.Unmarshal([]byte(key.private), &jwk); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(r.LogPath)
	if err != nil || len(log) == 0 {
		t.Fatal("no log to look at", err)
	}
	for where, text := range map[string]string{"the errors say": said, "the log has": string(log)} {
		for what, secret := range map[string]string{"a token": signature, "a private key": jwk["d"]} {
			if strings.Contains(text, secret) {
				t.Errorf("%s %s", where, what)
			}
		}
	}

	// The signing keys are known by their public halves only.
	jwks, _ := r.public(t, "ramp/.well-known/jwks.json")
	bundle, _ := r.public(t, "ramp/bundle")
	read, err := json.Marshal(r.read(t, "keys/default"))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(jwks), string(bundle), string(read)} {
		if strings.Contains(text, `"d"`) || strings.Contains(text, "private") || !strings.Contains(text, `"kid"`) {
			t.Errorf("published: %s", text)
		}
	}
}
