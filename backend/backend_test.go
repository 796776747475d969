package backend

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"
)

// rig is an engine on in-memory storage with a clock of its own.
type rig struct {
	t       testing.TB
	backend logical.Backend
	engine  *backend
	storage logical.Storage
	system  *system
	clock   time.Time
}

// system is Vault as far as the engine sees it.
type system struct {
	logical.StaticSystemView
	entities map[string]*logical.Entity
	groups   map[string][]*logical.Group
	calls    int
}

func (s *system) EntityInfo(id string) (*logical.Entity, error) {
	s.calls++
	return s.entities[id], nil
}

func (s *system) GroupsForEntity(id string) ([]*logical.Group, error) {
	s.calls++
	return s.groups[id], nil
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{t: t, storage: &logical.InmemStorage{}, clock: time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)}
	r.system = &system{
		StaticSystemView: logical.StaticSystemView{DefaultLeaseTTLVal: time.Hour, MaxLeaseTTLVal: 768 * time.Hour},
		entities: map[string]*logical.Entity{
			"e-orders": {ID: "e-orders", Name: "orders", Aliases: []*logical.Alias{{ID: "a1", Name: "orders", MountAccessor: "auth_approle_1", MountType: "approle"}}},
			"e-other":  {ID: "e-other", Name: "other"},
		},
	}
	r.start()
	return r
}

// start makes a new engine on the same storage, as after a restart.
func (r *rig) start() {
	r.t.Helper()
	r.engine = newBackend("v0.0.0-test", func() time.Time { return r.clock })
	err := r.engine.Setup(r.t.Context(), &logical.BackendConfig{Logger: hclog.NewNullLogger(), System: r.system, StorageView: r.storage})
	if err != nil {
		r.t.Fatal(err)
	}
	r.backend = &edge{r.engine}
}

func (r *rig) do(op logical.Operation, path, entity string, data map[string]any) (*logical.Response, error) {
	r.t.Helper()
	return r.backend.HandleRequest(context.Background(), &logical.Request{
		ID: "req", Operation: op, Path: path, Data: data, Storage: r.storage, EntityID: entity,
		Connection: &logical.Connection{RemoteAddr: "10.0.0.7"},
	})
}

func (r *rig) write(path string, data map[string]any) *logical.Response {
	r.t.Helper()
	resp, err := r.do(logical.UpdateOperation, path, "", data)
	if err != nil {
		r.t.Fatalf("write %s: %v", path, err)
	}
	if resp.IsError() {
		r.t.Fatalf("write %s: %v", path, resp.Error())
	}
	return resp
}

func (r *rig) read(path string) map[string]any {
	r.t.Helper()
	resp, err := r.do(logical.ReadOperation, path, "", nil)
	if err != nil || resp == nil {
		r.t.Fatalf("read %s: %v %v", path, resp, err)
	}
	return resp.Data
}

// contract sets up service payments and contract orders-to-payments.
func (r *rig) contract() {
	r.t.Helper()
	r.write("config", map[string]any{"issuer": "https://vault.example.com/v1/ramp"})
	r.write("services/payments", map[string]any{"audience": "https://payments.internal", "scopes": "invoices:read,invoices:write", "max_ttl": "1h"})
	r.write("roles/orders-to-payments", map[string]any{"service": "payments", "scopes": "invoices:read", "bound_entity_ids": "e-orders", "ttl": "5m"})
}

func (r *rig) mint() *logical.Response {
	r.t.Helper()
	resp, err := r.do(logical.ReadOperation, "creds/orders-to-payments", "e-orders", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp
}

func (r *rig) renew(resp *logical.Response) (*logical.Response, error) {
	resp.Secret.IssueTime = r.clock
	return r.backend.HandleRequest(context.Background(), &logical.Request{Operation: logical.RenewOperation, Storage: r.storage, Secret: resp.Secret})
}

func (r *rig) revoke(resp *logical.Response) {
	r.t.Helper()
	_, err := r.backend.HandleRequest(context.Background(), &logical.Request{Operation: logical.RevokeOperation, Storage: r.storage, Secret: resp.Secret})
	if err != nil {
		r.t.Fatal(err)
	}
}

func status(err error) int {
	var coded logical.HTTPCodedError
	if errors.As(err, &coded) {
		return coded.Code()
	}
	return 0
}

func TestHandshake(t *testing.T) {
	r := newRig(t)
	r.contract()
	resp := r.mint()
	t.Log(resp.Data)
	t.Log(resp.Secret)
	if _, err := r.renew(resp); err != nil {
		t.Fatal(err)
	}
	r.revoke(resp)
	_, err := r.renew(resp)
	t.Log(err)
	if status(err) != 403 {
		t.Fatal(err)
	}
	t.Log(r.read("roles/orders-to-payments"))
	t.Log(string(r.read("feed")[logical.HTTPRawBody].([]byte)))
}
