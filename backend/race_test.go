package backend

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
)

// storm is many who use one contract at once.
type storm struct {
	*rig
	t    *testing.T
	wg   sync.WaitGroup
	over chan struct{}

	mu      sync.Mutex
	issued  []*logical.Response // in the order in which answers came
	serials map[float64]bool
	floor   atomic.Uint64 // of the last revocation that was answered
}

func newStorm(t *testing.T) *storm {
	s := &storm{rig: newRig(t), t: t, over: make(chan struct{}), serials: map[float64]bool{}}
	s.contract()
	return s
}

// until makes f happen again and again, in a goroutine, until the storm is over.
func (s *storm) until(f func()) {
	s.wg.Go(func() {
		for {
			select {
			case <-s.over:
				return
			default:
				f()
			}
		}
	})
}

func (s *storm) issue() {
	floor := s.floor.Load()
	resp, err := s.ask(logical.ReadOperation, "creds/"+role, "e-orders", nil)
	if err != nil {
		if status(err) != 403 {
			s.t.Errorf("issue: %v", err)
		}
		return
	}
	serial := number(resp.Data["serial"])
	if serial < float64(floor) {
		s.t.Errorf("serial %v was issued after the floor %d", serial, floor)
	}
	resp.Secret.IssueTime = s.clock.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.serials[serial] {
		s.t.Errorf("serial %v twice", serial)
	}
	s.serials[serial] = true
	s.issued = append(s.issued, resp)
}

// soFar returns a few of the credentials issued so far.
func (s *storm) soFar() []*logical.Response {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.issued[max(len(s.issued)-6, 0):])
}

// killing does something that must kill all that was issued before.
func (s *storm) killing(path string, data map[string]any) {
	for range 5 { // so that there is something to kill, whoever else is scheduled
		s.issue()
		runtime.Gosched()
	}
	before := s.soFar()
	resp, err := s.ask(logical.UpdateOperation, path, "", data)
	if err != nil {
		s.t.Errorf("%s: %v", path, err)
		return
	}
	if resp != nil && resp.Data["floor"] != nil {
		s.floor.Store(uint64(number(resp.Data["floor"])))
	}
	dead, err := s.engine.kills.state(s.t.Context(), s.storage)
	if err != nil {
		s.t.Error(err)
		return
	}
	for _, resp := range before {
		if dead.Dead(s.credential(resp), s.clock.now().Unix()) == "" {
			s.t.Errorf("%s was answered, and %v is alive", path, resp.Data["jti"])
		}
		if _, err := s.renew(resp); status(err) != 403 {
			s.t.Errorf("%s was answered, and %v is renewed: %v", path, resp.Data["jti"], err)
		}
	}
}

func (s *storm) quietly(op logical.Operation, path string, data map[string]any) {
	if _, err := s.ask(op, path, "", data); err != nil {
		s.t.Errorf("%s %s: %v", op, path, err)
	}
}

// follow keeps a verifier's state up to date, and asserts that nothing it knows
// to be dead is alive later.
func (s *storm) follow() {
	var state revocation.State
	var after uint64
	s.until(func() {
		message, err := s.wait(after)
		if err != nil {
			if !strings.Contains(err.Error(), "not (or no longer) published") { // the key was rotated away, ask again
				s.t.Errorf("feed: %v", err)
			}
			return
		}
		if message.Cursor < after || state.Apply(&message) != nil {
			s.t.Errorf("after %d the feed says %+v", after, message)
		}
		after = message.Cursor
	})
}

// Issuing, renewing, revoking, suspending, editing, rotating, following: all at
// once. Run it with -race.
func TestEverythingAtOnce(t *testing.T) {
	s := newStorm(t)
	for range 4 {
		s.until(s.issue)
	}
	s.until(func() {
		for _, resp := range s.soFar() {
			if _, err := s.renew(resp); err != nil && status(err) != 403 {
				t.Errorf("renewal: %v", err)
			}
		}
	})
	s.until(func() {
		for _, resp := range s.soFar() {
			if err := s.tryRevoke(resp); err != nil {
				t.Errorf("revocation: %v", err)
			}
			s.quietly(logical.UpdateOperation, "introspect", map[string]any{"token": resp.Data["token"]})
		}
	})
	s.follow()
	s.follow()
	s.until(func() { s.tick(); s.clock.advance(100 * time.Millisecond) })
	id := s.read("roles/" + role)["id"].(string)
	s.until(func() {
		for _, path := range []string{"status/" + id + "/0", ".well-known/jwks.json", "bundle", "config", "keys/default", "roles/" + role, "services/payments", "health"} {
			s.quietly(logical.ReadOperation, path, nil)
		}
	})
	for n := range 5 {
		s.killing("roles/"+role+"/revoke", nil)
		s.killing("roles/"+role+"/revoke", map[string]any{"caller": "e-orders"})
		s.killing("roles/"+role, map[string]any{"subject": fmt.Sprintf("orders-%d", n)})
		s.killing("services/payments", map[string]any{"audience": fmt.Sprintf("https://payments-%d.internal", n)})
		for _, path := range []string{"roles/" + role, "services/payments", "callers/e-orders"} {
			s.killing(path+"/suspend", nil)
			s.quietly(logical.UpdateOperation, path+"/resume", nil)
		}
		s.quietly(logical.UpdateOperation, "config", map[string]any{"not_before_leeway": n + 1})
		s.quietly(logical.UpdateOperation, "keys/default", map[string]any{"activation_delay": 0})
		s.quietly(logical.UpdateOperation, "keys/default/rotate", nil)
	}
	close(s.over)
	s.wg.Wait()
	if len(s.issued) == 0 || s.engine.panics.Load() > 0 {
		t.Errorf("%d credentials, %d panics", len(s.issued), s.engine.panics.Load())
	}
	some := s.issued[max(len(s.issued)-200, 0):]
	alive := map[any]bool{}
	for _, resp := range some {
		alive[resp.Data["jti"]] = s.active(resp.Data["token"])
	}
	s.start()
	for _, resp := range some {
		if now := s.active(resp.Data["token"]); now != alive[resp.Data["jti"]] {
			t.Errorf("%v: active %t, after a restart %t", resp.Data["jti"], !now, now)
		}
	}
}

// Revocations of many leases at once share their writes, and none is lost.
func TestManyRevocationsAtOnce(t *testing.T) {
	s := newStorm(t)
	for range 400 {
		s.issue()
	}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for n, resp := range s.issued {
				if n%8 == worker && n%2 == 0 {
					if err := s.tryRevoke(resp); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	check := func() {
		t.Helper()
		for n, resp := range s.issued {
			if alive := s.active(resp.Data["token"]); alive != (n%2 == 1) {
				t.Errorf("serial %d: active %t", n, alive)
			}
		}
	}
	check()
	s.start()
	check()
}
