package backend

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"
)

func jsonInto(text []byte, v any) error { return json.Unmarshal(text, v) }

func TestHealthStory(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.reads("health", map[string]any{"version": "v0.0.0-test", "state": "unconfigured", "panics": 0.0})
		r.contract()
		r.reads("health", map[string]any{"state": "serving"})
	})
}

// A defect of the plugin in one request is answered, counted and logged without
// a secret, and keeps no lock.
func TestPanics(t *testing.T) {
	r := newRig(t)
	r.contract()
	held := r.mint()
	r.vault.asked = func() { panic("s.hunter2") }
	for range 3 {
		r.refused(logical.ReadOperation, "creds/"+role, "e-orders", nil, 500, "internal error; the log")
	}
	if _, err := r.renew(held); status(err) != 500 {
		t.Errorf("renewal: %v", err)
	}
	r.vault.asked = nil
	r.reads("health", map[string]any{"panics": 4.0})
	r.write("roles/"+role+"/revoke", nil)
	r.write("services/payments/suspend", nil)
	r.write("services/payments/resume", nil)
	r.dead(held, true)
	r.dead(r.mint(), false)

	r.start()
	r.storage.breakAt(1, panicking)
	if err := r.backend.Initialize(context.Background(), &logical.InitializationRequest{Storage: r.storage}); status(err) != 500 {
		t.Errorf("a panic while the engine starts: %v", err)
	}
	r.storage.mend()
	r.dead(r.mint(), false)
}

// The process of the plugin survives, and with it the other mounts it serves.
func TestPanicsAcrossBoundary(t *testing.T) {
	r, other := newRigVia(t, acrossBoundary), newRigVia(t, acrossBoundary)
	for _, mount := range []*rig{r, other} {
		mount.start()
		mount.contract()
	}
	now := r.engine.now
	r.engine.now = func() time.Time { panic("s.hunter2") }
	r.refused(logical.ReadOperation, "creds/"+role, "e-orders", nil, 500, "internal error; the log")
	r.engine.now = now
	r.reads("health", map[string]any{"panics": 1.0})
	other.reads("health", map[string]any{"panics": 0.0})
	r.dead(r.mint(), false)
	other.dead(other.mint(), false)
}

func TestPanicsAreLoggedWithoutTheirValue(t *testing.T) {
	var log bytes.Buffer
	r := newRig(t)
	conf := r.config()
	conf.Logger = hclog.New(&hclog.LoggerOptions{Output: &log})
	if err := r.engine.Setup(context.Background(), conf); err != nil {
		t.Fatal(err)
	}
	r.contract()
	r.vault.asked = func() { panic("s.hunter2") }
	if _, err := r.do(logical.ReadOperation, "creds/"+role, "e-orders", nil); status(err) != 500 {
		t.Error(err)
	}
	if text := log.String(); strings.Contains(text, "hunter2") || !strings.Contains(text, "issueFrom") || !strings.Contains(text, "creds/"+role) {
		t.Errorf("log: %s", text)
	}
}
