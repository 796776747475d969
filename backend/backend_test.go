package backend

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/framework"
	answers "github.com/hashicorp/vault/sdk/helper/testhelpers/schema"
	"github.com/hashicorp/vault/sdk/logical"
)

const (
	role   = "orders-to-payments"
	issuer = "https://vault.example.com/v1/ramp"
)

// rig is an engine on in-memory storage with a clock of its own.
type rig struct {
	t       testing.TB
	engine  *backend
	backend logical.Backend
	storage *disk
	vault   *vault
	clock   *clock
	open    func(*rig) logical.Backend // how Vault reaches the engine
}

// clock stands still until it is told the time.
type clock struct{ nanos atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(0, c.nanos.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

func newRig(t testing.TB) *rig {
	t.Helper()
	r := newRigVia(t, inProcess)
	r.start()
	return r
}

func newRigVia(t testing.TB, open func(*rig) logical.Backend) *rig {
	r := &rig{t: t, storage: &disk{}, vault: newVault(), clock: &clock{}, open: open}
	r.clock.nanos.Store(time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	return r
}

// start makes a new engine on the same storage, as after a restart.
func (r *rig) start() {
	r.t.Helper()
	r.engine = newBackend("v0.0.0-test", r.clock.now)
	r.engine.journal.Wait = time.Hour // it writes when told to
	r.backend = r.open(r)
}

func (r *rig) config() *logical.BackendConfig {
	return &logical.BackendConfig{Logger: hclog.NewNullLogger(), System: r.vault, StorageView: r.storage}
}

// inProcess hands requests to the engine as they are.
func inProcess(r *rig) logical.Backend {
	r.t.Helper()
	if err := r.engine.Setup(context.Background(), r.config()); err != nil {
		r.t.Fatal(err)
	}
	return &edge{r.engine}
}

// do sends a request, and holds what comes back against the schema that Vault
// publishes of it.
func (r *rig) do(op logical.Operation, path, entity string, data map[string]any) (*logical.Response, error) {
	r.t.Helper()
	resp, err := r.ask(op, path, entity, data)
	if t, ok := r.t.(*testing.T); ok && err == nil && !resp.IsError() {
		if route := r.engine.Route(path); route != nil && resp != nil && resp.Data != nil {
			answers.ValidateResponse(t, declared(t, route, op), resp, true)
		}
	}
	return resp, err
}

// ask is do for any goroutine: it asserts nothing.
func (r *rig) ask(op logical.Operation, path, entity string, data map[string]any) (*logical.Response, error) {
	return r.backend.HandleRequest(context.Background(), &logical.Request{
		ID: "req", Operation: op, Path: path, Data: data, Storage: r.storage, EntityID: entity,
		Connection: &logical.Connection{RemoteAddr: "10.0.0.7"},
	})
}

func declared(t *testing.T, route *framework.Path, op logical.Operation) *framework.Response {
	t.Helper()
	want := answers.GetResponseSchema(t, route, op)
	if want.Description == "" {
		t.Errorf("%s %s describes no response", op, route.Pattern)
	}
	return want
}

func (r *rig) write(path string, data map[string]any) *logical.Response {
	r.t.Helper()
	resp, err := r.do(logical.UpdateOperation, path, "", data)
	if err != nil || resp.IsError() {
		r.t.Fatalf("write %s: %v %v", path, resp, err)
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

func (r *rig) list(path string) []string {
	r.t.Helper()
	resp, err := r.do(logical.ListOperation, path, "", nil)
	if err != nil || resp == nil {
		r.t.Fatalf("list %s: %v %v", path, resp, err)
	}
	return texts(resp.Data["keys"])
}

func (r *rig) delete(path string) {
	r.t.Helper()
	if resp, err := r.do(logical.DeleteOperation, path, "", nil); err != nil || resp.IsError() {
		r.t.Fatalf("delete %s: %v %v", path, resp, err)
	}
}

// refused asserts that a request fails with a status and words that help.
func (r *rig) refused(op logical.Operation, path, entity string, data map[string]any, code int, says string) {
	r.t.Helper()
	resp, err := r.do(op, path, entity, data)
	if err == nil && resp.IsError() {
		r.t.Errorf("%s %s %v: an error in the response, not a coded one: %v", op, path, data, resp.Error())
		return
	}
	if status(err) != code || !strings.Contains(err.Error(), says) {
		r.t.Errorf("%s %s %v: %d %v, want %d and %q", op, path, data, status(err), err, code, says)
	}
}

func (r *rig) badWrite(path string, data map[string]any, says string) {
	r.t.Helper()
	r.refused(logical.UpdateOperation, path, "", data, 400, says)
}

// contract sets up service payments and contract orders-to-payments.
func (r *rig) contract() {
	r.t.Helper()
	r.write("config", map[string]any{"issuer": issuer})
	r.write("services/payments", map[string]any{"audience": "https://payments.internal", "scopes": "invoices:read,invoices:write", "max_ttl": "1h"})
	r.write("roles/"+role, map[string]any{"service": "payments", "scopes": "invoices:read", "bound_entity_ids": "e-orders", "ttl": "5m"})
}

func (r *rig) mint() *logical.Response { r.t.Helper(); return r.mintWith(nil) }

func (r *rig) mintWith(data map[string]any) *logical.Response {
	r.t.Helper()
	resp, err := r.do(logical.ReadOperation, "creds/"+role, "e-orders", data)
	if err != nil {
		r.t.Fatal(err)
	}
	resp.Secret.IssueTime = r.clock.now()
	return resp
}

func (r *rig) renew(resp *logical.Response) (*logical.Response, error) {
	return r.backend.HandleRequest(context.Background(), &logical.Request{Operation: logical.RenewOperation, Storage: r.storage, Secret: resp.Secret})
}

// notRenewed asserts that a renewal is refused with a code.
func (r *rig) notRenewed(resp *logical.Response, code string) {
	r.t.Helper()
	_, err := r.renew(resp)
	if status(err) != 403 || !strings.Contains(err.Error(), "("+code+")") || !strings.Contains(err.Error(), "permission denied") {
		r.t.Errorf("renewal: %d %v, want 403, the code %s, and the words that make an agent fetch anew", status(err), err, code)
	}
}

func (r *rig) revoke(resp *logical.Response) {
	r.t.Helper()
	if err := r.tryRevoke(resp); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) tryRevoke(resp *logical.Response) error {
	_, err := r.backend.HandleRequest(context.Background(), &logical.Request{Operation: logical.RevokeOperation, Storage: r.storage, Secret: resp.Secret})
	return err
}

// tick is the minute in which Vault calls on the engine.
func (r *rig) tick() {
	r.t.Helper()
	if _, err := r.backend.HandleRequest(context.Background(), &logical.Request{Operation: logical.RollbackOperation, Storage: r.storage}); err != nil {
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

func texts(v any) []string {
	if list, ok := v.([]string); ok {
		return list
	}
	var list []string
	if elements, ok := v.([]any); ok {
		for _, e := range elements {
			list = append(list, e.(string))
		}
	}
	return list
}
