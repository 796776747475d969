package backend

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
)

// vault is Vault as far as the engine sees it. It counts what it is asked.
type vault struct {
	logical.StaticSystemView

	mu       sync.Mutex
	entities map[string]*logical.Entity
	groups   map[string][]*logical.Group
	maxLease time.Duration
	asked    func() // called on each look-up of an entity

	calls atomic.Int64
}

func newVault() *vault {
	return &vault{
		StaticSystemView: logical.StaticSystemView{PluginEnvironment: &logical.PluginEnvironment{VaultVersion: "1.0.0"}},

		maxLease: 768 * time.Hour,
		entities: map[string]*logical.Entity{
			"e-orders": {ID: "e-orders", Name: "orders", Metadata: map[string]string{"team": "red"}, Aliases: []*logical.Alias{
				{ID: "a1", Name: "orders", MountAccessor: "auth_approle_1", MountType: "approle", Metadata: map[string]string{"env": "prod"}},
			}},
			"e-other": {ID: "e-other", Name: "other"},
		},
		groups: map[string][]*logical.Group{"e-orders": {{ID: "g-ops", Name: "ops"}}},
	}
}

// entity changes an entity, as an operator of Vault would.
func (v *vault) entity(id string, change func(*logical.Entity)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change(v.entities[id])
}

func (v *vault) EntityInfo(id string) (*logical.Entity, error) {
	v.calls.Add(1)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.asked != nil {
		v.asked()
	}
	e := v.entities[id]
	if e == nil {
		return nil, nil
	}
	return &logical.Entity{ID: e.ID, Name: e.Name, Aliases: e.Aliases, Metadata: e.Metadata, Disabled: e.Disabled}, nil
}

func (v *vault) GroupsForEntity(id string) ([]*logical.Group, error) {
	v.calls.Add(1)
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.groups[id], nil
}

func (v *vault) MaxLeaseTTL() time.Duration {
	v.calls.Add(1)
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.maxLease
}

// tune changes the max_lease_ttl of the mount.
func (v *vault) tune(maxLease time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.maxLease = maxLease
}

func (v *vault) DefaultLeaseTTL() time.Duration { v.calls.Add(1); return time.Hour }
func (v *vault) LocalMount() bool               { v.calls.Add(1); return false }
func (v *vault) Tainted() bool                  { v.calls.Add(1); return false }
func (v *vault) CachingDisabled() bool          { v.calls.Add(1); return false }

func (v *vault) ReplicationState() consts.ReplicationState {
	v.calls.Add(1)
	return consts.ReplicationPerformanceDisabled
}
