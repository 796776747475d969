package e2e_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// A newer version of the plugin takes over what an older one issued, and the older one takes it back: leases renew
// and revoke, the dead stay dead, keys and serials go on. All of it is done with the vault command, as people do.
func TestUpgradeAndBack(t *testing.T) {
	t.Parallel()
	const (
		older = vaulttest.DefaultVersion
		newer = "v0.2.0"
	)
	r := newRig(t)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	dead, kids := r.condemn(t), r.kids(t)
	first := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	second := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	r.wantRunning(t, older, older)

	r.Register(newer)
	r.vault(t, r.RootToken, "secrets", "tune", "-plugin-version="+newer, "ramp/")
	r.wantRunning(t, newer, older) // until it is reloaded
	r.vault(t, r.RootToken, "plugin", "reload", "-type=secret", "-plugin="+vaulttest.PluginName)
	r.wantRunning(t, newer, newer)

	dead.wantDead(t, r)
	r.wantTakenOver(t, first)
	third := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	wantDistinct(t, []creds{first, second, third})

	// A pin is stronger than the version of a mount.
	r.vault(t, r.RootToken, "write", "sys/plugins/pins/secret/"+vaulttest.PluginName, "version="+older)
	r.vault(t, r.RootToken, "plugin", "reload", "-type=secret", "-plugin="+vaulttest.PluginName)
	r.wantRunning(t, newer, older)

	dead.wantDead(t, r)
	r.wantDead(t, first)
	r.wantTakenOver(t, second)
	r.wantTakenOver(t, third)
	fourth := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	wantDistinct(t, []creds{first, second, third, fourth})
	if now := r.kids(t); !slices.Equal(now, kids) {
		t.Errorf("the keys are %v, before the upgrade %v", now, kids)
	}
}

// wantTakenOver fails the test unless a credential that another version issued is alive and can be renewed and revoked.
func (r *rig) wantTakenOver(t *testing.T, c creds) {
	t.Helper()
	r.wantAlive(t, c)
	if err := renewable(r, c, true); err != nil {
		t.Errorf("renew %s: %v", c.ID, err)
	}
	r.wantAlive(t, c)
	if err := revokeNow(r.Client, c.Lease); err != nil {
		t.Errorf("revoke %s: %v", c.ID, err)
	}
	r.wantDead(t, c)
}

// wantRunning checks the versions that Vault shows for the mount, the one it shall run and the one it runs, and
// which one the plugin says it is.
func (r *rig) wantRunning(t *testing.T, configured, running string) {
	t.Helper()
	var mounts map[string]struct {
		Configured string `json:"plugin_version"`
		Running    string `json:"running_plugin_version"`
	}
	if err := json.Unmarshal([]byte(r.vault(t, r.RootToken, "secrets", "list", "-detailed", "-format=json")), &mounts); err != nil {
		t.Fatal(err)
	}
	health := r.read(t, "health")["version"]
	if m := mounts["ramp/"]; m.Running != running || m.Configured != configured || health != running {
		t.Errorf("Vault shows %+v, the plugin says it is %v; want %s configured and %s running", m, health, configured, running)
	}
}
