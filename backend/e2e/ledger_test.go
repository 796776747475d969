package e2e_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// Vault keeps where issue and renewal are in the journal, so that its leases bring both back. The token of a request
// that did it stands in the audit device under the same request id.
func TestLeasesRememberTheLedger(t *testing.T) {
	t.Parallel()
	r := newRig(t, vaulttest.WithAudit())
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	w := &witness{key: r.pinned(t)}
	w.look(t, r)
	c := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	if err := renewable(r, c, true); err != nil {
		t.Fatal(err)
	}
	r.KillPlugin() // before the second is over in which entries are collected
	w.look(t, r)
	if err := revokeNow(r.Client, c.Lease); err != nil {
		t.Fatal(err)
	}
	result, list := w.audit(t, r)
	got, requestID := "", ""
	for _, e := range list {
		if e.JTI == c.ID {
			got += e.Type + " "
			if e.Type == ledger.Issue {
				requestID = e.RequestID
			}
		}
	}
	if got != "issue renew revoke " || len(result.Findings) > 0 {
		t.Errorf("the ledger has %q, findings %v", got, result.Findings)
	}
	device, err := os.ReadFile(r.AuditPath)
	if err != nil || requestID == "" || !bytes.Contains(device, []byte(requestID)) {
		t.Errorf("the audit device does not know request %q, %v", requestID, err)
	}
}

// After a run of everything, nothing that anybody can read holds a token, a part of one, or a private key.
func TestNothingWrittenHoldsASecret(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	r.write(t, "services/bound", fields{"audience": "https://bound.internal", "scopes": "a", "proof": "dpop"})
	r.contract(t, "orders-to-bound", fields{"service": "bound", "scopes": "a"})
	secrets := map[string]string{"the root token": r.RootToken, "the caller's token": r.orders.Token}
	add := func(c creds) {
		secrets["token "+c.ID] = c.Token
		secrets["signature of "+c.ID] = c.Token[strings.LastIndex(c.Token, ".")+1:]
	}
	for range 10 {
		c := r.mint(t, r.orders.Client, "orders-to-payments", fields{"context": "ticket=R-1"})
		add(c)
		_ = renewable(r, c, true)
		r.write(t, "introspect", fields{"token": c.Token})
		r.write(t, "revoke", fields{"token": c.Token})
		_ = renewable(r, c, false)
	}
	key := newKeyPair(t)
	var jwk map[string]string
	if err := json.Unmarshal([]byte(key.private), &jwk); err != nil {
		t.Fatal(err)
	}
	secrets["a proof key"] = jwk["d"]
	add(r.mint(t, r.orders.Client, "orders-to-bound", fields{"public_key": key.jwk}))
	_, _ = r.tryMint(r.orders.Client, "orders-to-bound", nil)
	_, _ = r.tryMint(r.orders.Client, "orders-to-bound", fields{"public_key": key.private})
	_, _ = r.tryMint(r.orders.Client, "orders-to-payments", fields{"scopes": secrets["a proof key"]})
	r.write(t, "keys/default/rotate", nil)
	r.write(t, "ledger/key/rotate", nil)
	r.write(t, "roles/orders-to-payments/suspend", nil)
	_, _ = r.tryMint(r.orders.Client, "orders-to-payments", nil)

	w := &witness{key: r.pinned(t)}
	w.look(t, r)
	result, list := w.audit(t, r)
	if len(result.Findings) > 0 || len(list) < 40 {
		t.Fatalf("%d entries, %v", len(list), result.Findings)
	}
	written := map[string][]byte{}
	log, err := os.ReadFile(r.LogPath)
	if err != nil {
		t.Fatal(err)
	}
	if written["ledger"], err = json.Marshal(list); err != nil {
		t.Fatal(err)
	}
	written["log"] = log
	for _, path := range []string{
		"ledger/entries", "ledger/key", "ledger/checkpoint", "metrics", "health", "bundle", ".well-known/jwks.json",
		"report/expiring", "report/usage", "report/idle", "report/denials", "report/graph", "config", "keys/default", "roles/orders-to-bound",
	} {
		resp, err := r.Client.Logical().ReadRaw("ramp/" + path)
		if err != nil {
			t.Fatal(err)
		}
		if written[path], err = io.ReadAll(resp.Body); err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	for where, text := range written {
		if len(text) == 0 {
			t.Errorf("%s is empty", where)
		}
		for what, secret := range secrets {
			if where == "log" && what == "the root token" {
				continue // a development Vault prints it
			}
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s has %s", where, what)
			}
		}
	}
}
