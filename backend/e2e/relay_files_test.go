package e2e_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/relay"
)

// A relay writes what a plain web server needs to stand in for the issuer, and keeps it up to date.
func TestRelayFiles(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", fields{"revocation": "status"})
	quiet, named := r.contract(t, "quiet", nil), r.contract(t, "named", nil)
	busy := r.contract(t, "orders-to-payments", nil)
	for _, role := range []string{"quiet", "named", "orders-to-payments"} {
		r.mint(t, r.orders.Client, role, nil)
	}
	doomed := r.mint(t, r.orders.Client, "orders-to-payments", nil)

	dir := t.TempDir()
	file := func(path string) string { return filepath.Join(dir, issuerPath, path) }
	list := func(id string) revocation.List {
		body, err := os.ReadFile(file("status/" + id + "/0"))
		if err != nil {
			return nil
		}
		var l struct {
			Subject string `json:"sub"`
			List    struct {
				Bits string `json:"lst"`
			} `json:"status_list"`
		}
		if err := json.Unmarshal(r.open(t, string(body), token.TypeStatusList), &l); err != nil || l.Subject != r.Addr+issuerPath+"/status/"+id+"/0" {
			t.Fatalf("%+v %v", l, err)
		}
		bits, err := revocation.DecodeList(l.List.Bits)
		if err != nil {
			t.Fatal(err)
		}
		return bits
	}
	_, serial, err := token.ParseID(doomed.ID)
	if err != nil {
		t.Fatal(err)
	}

	// Without a token, the lists of contracts that are named, and of those with something dead.
	first := startRelay(t, "127.0.0.1:0", relay.Config{Issuer: r.Addr + issuerPath, Files: relay.Files{Dir: dir, Contracts: []string{named}}})
	eventually(t, "the list of the contract that was named", func() bool { return list(named) != nil })
	for _, path := range []string{".well-known/jwks.json", ".well-known/openid-configuration", "bundle"} {
		have, err := os.ReadFile(file(path))
		if want, _ := r.public(t, "ramp/"+path); err != nil || !bytes.Equal(have, want) {
			t.Errorf("%s is %s, %v", path, have, err)
		}
	}
	if err := revokeNow(r.Client, doomed.Lease); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the revocation in the list", func() bool { return list(busy).Has(serial) })
	if list(quiet) != nil {
		t.Error("how did the relay hear of a contract with nothing dead?")
	}
	before, err := os.Stat(file("bundle"))
	if err != nil {
		t.Fatal(err)
	}
	first.stop()

	// With a token, all contracts; what is there already is kept up.
	tokenFile := filepath.Join(t.TempDir(), "token")
	login := r.AppRole("relay", r.Policy("relay", `path "ramp/roles" { capabilities = ["list"] }
path "ramp/roles/*" { capabilities = ["read"] }`))
	if err := os.WriteFile(tokenFile, []byte(login.Token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := startRelay(t, "127.0.0.1:0", relay.Config{Issuer: r.Addr + issuerPath, Files: relay.Files{Dir: dir, TokenFile: tokenFile, Every: time.Second}})
	eventually(t, "the list of every contract", func() bool { return list(quiet) != nil })
	r.write(t, "keys/default/rotate", nil)
	eventually(t, "the new keys", func() bool {
		have, _ := os.ReadFile(file(".well-known/jwks.json"))
		want, _ := r.public(t, "ramp/.well-known/jwks.json")
		return bytes.Equal(have, want)
	})
	r.write(t, "roles/quiet/revoke", nil)
	eventually(t, "the floor in the list", func() bool { return list(quiet).Has(0) })
	if list(busy).Has(serial-1) || !list(busy).Has(serial) {
		t.Error("the other list changed")
	}
	if after, err := os.Stat(file(".well-known/openid-configuration")); err != nil || after.ModTime().After(before.ModTime().Add(time.Minute)) {
		t.Errorf("%v %v", after, err)
	}
	left, err := filepath.Glob(file(".ramp-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}

	// What is served is what was written.
	resp, err := http.Get(second.url + "/status/" + busy + "/0")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.Header.Get("Content-Type") != "application/statuslist+jwt" || len(body) == 0 {
		t.Errorf("%s %s", resp.Status, resp.Header.Get("Content-Type"))
	}
}
