package e2e_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/hashicorp/vault/api"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
)

// partners is a second mount of Ramp, beside ramp/, with the same names in it.
const partners = "partners"

func newTwoMounts(t *testing.T) *rig {
	t.Helper()
	r := newRig(t)
	r.MountConfigured(partners)
	r.Policy("caller", callerPolicy+`path "partners/creds/*" { capabilities = ["read", "update"] }`)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	for _, path := range []string{"services/payments", "roles/orders-to-payments"} {
		terms := r.read(t, path)
		for _, answered := range []string{"id", "revision", "state", "floor", "created", "updated"} {
			delete(terms, answered)
		}
		maps.DeleteFunc(terms, func(_ string, v any) bool { return v == nil || v == "" })
		r.Write(partners+"/"+path, terms)
	}
	if processes := r.PluginProcesses(); len(processes) != 1 {
		t.Fatalf("two mounts have %d plugin processes, want one", len(processes))
	}
	return r
}

// mintAtPartners may be called from any goroutine.
func mintAtPartners(client *api.Client) (c creds, err error) {
	secret, err := client.Logical().Read(partners + "/creds/orders-to-payments")
	if err != nil {
		return c, err
	}
	c.Token, c.Lease = secret.Data["token"].(string), secret.LeaseID
	return c, decodePart(c.Token, 1, &c.Claims)
}

// activeAtPartners asks the second mount about a token.
func (r *rig) activeAtPartners(c creds) bool {
	return r.Write(partners+"/introspect", fields{"token": c.Token}).Data["active"] == true
}

// Two mounts in one process have nothing in common: whatever is done to one of them, the other does not notice.
func TestTwoMountsAreStrangers(t *testing.T) {
	t.Parallel()
	r := newTwoMounts(t)
	r.contract(t, "only-here", nil)
	ours := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	theirs, err := mintAtPartners(r.orders.Client)
	if err != nil {
		t.Fatal(err)
	}
	if ours.contractID() == theirs.contractID() {
		t.Errorf("both contracts have the id %s", ours.contractID())
	}
	if r.introspect(t, theirs.Token)["active"] != false || r.activeAtPartners(ours) {
		t.Error("a mount takes a token of the other for one of its own")
	}
	r.Write(partners+"/revoke", fields{"token": ours.Token}) // which to them is any string
	r.wantAlive(t, ours)
	for path, want := range map[string][]any{"roles": {"orders-to-payments"}, "keys": {"default"}} {
		listed, err := r.Client.Logical().List(partners + "/" + path)
		if err != nil || !slices.Equal(listed.Data["keys"].([]any), want) {
			t.Errorf("the other mount lists %v under %s, %v", listed, path, err)
		}
	}

	dead := r.condemn(t)
	r.write(t, "callers/"+r.orders.EntityID+"/suspend", nil)
	r.write(t, "services/payments/suspend", nil)
	r.write(t, "roles/orders-to-payments/suspend", nil)
	r.write(t, "keys/default/revoke", fields{"kid": ours.KeyID})
	r.wantUnaware(t, theirs)

	r.KillPlugin() // both start again from storage
	eventually(t, "the plugin", func() bool { _, err := publicly(r.Client, partners+"/health"); return err == nil })
	r.wantUnaware(t, theirs)
	ours.Status = nil // its list is there, but none that the key signed
	r.wantDead(t, ours)
	dead.wantDead(t, r)

	r.vault(t, r.RootToken, "secrets", "disable", "ramp/")
	r.wantUnaware(t, theirs)
	if err := revokeNow(r.Client, theirs.Lease); err != nil || r.activeAtPartners(theirs) {
		t.Errorf("revoking at the mount that is left: %v", err)
	}
}

// wantUnaware fails the test unless the second mount goes on as if nothing had happened.
func (r *rig) wantUnaware(t *testing.T, theirs creds) {
	t.Helper()
	body, _ := r.public(t, partners+"/feed")
	var feed revocation.Feed
	if err := decodePart(string(body), 1, &feed); err != nil {
		t.Fatal(err)
	}
	if len(feed.Events)+len(feed.Lists) > 0 {
		t.Errorf("its feed says %+v", feed)
	}
	if !r.activeAtPartners(theirs) {
		t.Error("its credential is dead")
	}
	if err := renewable(r, theirs, true); err != nil {
		t.Error(err)
	}
	if _, err := mintAtPartners(r.orders.Client); err != nil {
		t.Error(err)
	}
}

// Reloading the plugin restarts the process of both mounts while both are busy. For that moment Vault answers some
// requests with 500; a client that asks again, as Vault's clients do unless told otherwise, gets what it wants. No
// serial comes twice, and what was handed out is honoured.
func TestReloadWhileBothServe(t *testing.T) {
	t.Parallel()
	r := newTwoMounts(t)
	callers := r.callers(4)
	for _, client := range callers {
		client.SetMaxRetries(5)
	}
	revoke := func(_ int, lease string) error { return revokeNow(r.Client, lease) }
	ours := graze(t, len(callers), func(i int) (creds, error) { return r.tryMint(callers[i], "orders-to-payments", nil) }, revoke)
	theirs := graze(t, len(callers), func(i int) (creds, error) { return mintAtPartners(callers[i]) }, revoke)
	for _, reload := range []fields{{"plugin": vaulttest.PluginName}, {"mounts": "partners/"}, {"mounts": "ramp/,partners/"}} {
		ours.grow(t, 50)
		theirs.grow(t, 50)
		was := r.PluginProcesses()
		r.Write("sys/plugins/reload/backend", reload)
		theirs.grow(t, 50)
		ours.grow(t, 50)
		if now := r.PluginProcesses(); slices.Equal(was, now) {
			t.Errorf("reload %v left the process running", reload)
		}
	}
	ours.rest()
	theirs.rest()

	all := append(ours.minted(), theirs.minted()...)
	wantDistinct(t, all)
	for _, c := range theirs.minted() {
		if c.contractID() == ours.held[0].contractID() {
			t.Errorf("%s of one mount is of a contract of the other", c.ID)
		}
	}
	for _, err := range append(ours.failures, theirs.failures...) {
		t.Error(err)
	}
	t.Logf("%d credentials, %d of them in doubt", len(all), len(ours.doubtful)+len(theirs.doubtful))
	ours.wantHonoured(t, r)
}
