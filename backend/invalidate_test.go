package backend

import (
	"context"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// another is the engine on another node of the cluster.
func (r *rig) another() *rig {
	other := *r
	other.start()
	return &other
}

// hear tells the engine what other nodes wrote, as Vault does.
func (r *rig) hear() {
	for _, key := range r.storage.written() {
		r.backend.InvalidateKey(context.Background(), key)
	}
}

// Whatever another node changes, this one sees it as soon as it is told.
func TestInvalidation(t *testing.T) {
	for _, a := range attempts {
		t.Run(a.name, func(t *testing.T) {
			s := setStage(t)
			if a.prepare != nil {
				a.prepare(s)
			}
			before := s.feed(0)
			known := s.follower()
			s.stored() // so that everything is in memory
			there := &stage{rig: s.another(), t: t, held: s.held, dead: s.dead, highest: s.highest}
			there.feed(0)
			s.hear()
			s.stored()

			if err := a.do(there); err != nil {
				t.Fatal(err)
			}
			s.hear()
			fresh := &stage{rig: s.another(), t: t, held: s.held, dead: s.dead, highest: s.highest}
			if here, want := s.stored(), fresh.stored(); !maps.Equal(here, want) {
				t.Errorf("\nhere  %v\nthere %v", here, want)
			}
			message := s.feed(before.Cursor)
			if err := known.Apply(&message); err != nil {
				t.Fatal(err)
			}
			s.clock.advance(time.Second) // so that a list may be signed again
			for _, resp := range s.held {
				if s.published(s.credential(resp).KeyID) && s.bit(resp) != fresh.bit(resp) {
					t.Errorf("%v: status bit here %t, there %t", resp.Data["jti"], s.bit(resp), fresh.bit(resp))
				}
				if fresh.follower().Dead(s.credential(resp), s.clock.now().Unix()) != "" && known.Dead(s.credential(resp), s.clock.now().Unix()) == "" {
					t.Errorf("a follower of this node is not told of %v", resp.Data["jti"])
				}
			}
			s.observe()
			a.check(s)
		})
	}
}

// slowWrite is storage that lets something else happen before a write.
type slowWrite struct {
	logical.Storage
	before func()
}

func (s slowWrite) Put(ctx context.Context, e *logical.StorageEntry) error {
	s.before()
	return s.Storage.Put(ctx, e)
}

// Another node opens the feed while this one revokes.
func TestFeedReopenedDuringARevocation(t *testing.T) {
	r := newRig(t)
	r.contract()
	held := r.mint()
	start := r.feed(0)
	_, err := r.backend.HandleRequest(context.Background(), &logical.Request{
		Operation: logical.UpdateOperation, Path: "revoke", Data: map[string]any{"token": held.Data["token"]},
		Storage: slowWrite{r.storage, func() { r.backend.InvalidateKey(context.Background(), "feed") }},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.dead(held, true)
	if message := r.feed(start.Cursor); !message.Snapshot || len(message.Events) != 1 {
		t.Errorf("who followed before gets %+v", message)
	}
}

// Serials reserved by one node are not used by another.
func TestSerialsOfTwoNodes(t *testing.T) {
	r := newRig(t)
	r.contract()
	r.mint()
	other := r.another()
	seen := map[float64]bool{}
	for n := range 3 * serialBlock {
		node := r
		if n/1000%2 == 1 {
			node = other
		}
		serial := number(node.mint().Data["serial"])
		if seen[serial] {
			t.Fatalf("serial %v twice", serial)
		}
		seen[serial] = true
		if n%1000 == 999 { // leadership changes
			node = map[*rig]*rig{r: other, other: r}[node]
			node.hear()
		}
	}
}

// slowRead is storage that lets something else happen between the reading of a
// key and the use of what was read.
type slowRead struct {
	logical.Storage
	key       string
	once      *sync.Once
	meanwhile func()
}

func (s slowRead) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	entry, err := s.Storage.Get(ctx, key)
	if key == s.key {
		s.once.Do(s.meanwhile)
	}
	return entry, err
}

// The news of a change comes while the old state is being loaded.
func TestInvalidationWhileLoading(t *testing.T) {
	r := newRig(t)
	r.contract()
	held := r.mint()
	r.write("callers/e-orders/suspend", nil)
	r.write("callers/e-orders/resume", nil)
	id := r.credential(held).Contract
	r.write("roles/"+role+"/revoke", nil)
	for key, change := range map[string]func(*rig){
		"config":               func(r *rig) { r.write("config", map[string]any{"default_ttl": r.clock.now().Minute() + 60}) },
		"keys/default":         func(r *rig) { r.write("keys/default/rotate", nil) },
		"suspensions/e-orders": func(r *rig) { r.write("callers/e-orders/suspend", nil) },
		"roles/" + role:        func(r *rig) { r.write("roles/"+role, map[string]any{"ttl": r.clock.now().Minute() + 60}) },
		"state/" + id:          func(r *rig) { r.write("roles/"+role+"/suspend", nil) },
		"services/payments":    func(r *rig) { r.write("services/payments/suspend", nil) },
		"kills/floor." + id:    func(r *rig) { r.write("roles/"+role+"/suspend", nil) },
	} {
		t.Run(key, func(t *testing.T) {
			there := r.another()
			here := r.another()
			there.feed(0)
			told := make(chan struct{})
			storage := slowRead{r.storage, key, &sync.Once{}, func() {
				r.storage.written()
				change(there)
				go func() { // the news waits for the loading, or is remembered
					defer close(told)
					here.hear()
				}()
			}}
			for _, path := range []string{"creds/" + role, "roles/" + role, "feed"} {
				_, _ = here.backend.HandleRequest(context.Background(), &logical.Request{Operation: logical.ReadOperation, Path: path, Storage: storage, EntityID: "e-orders"})
			}
			<-told
			s, fresh := &stage{rig: here, t: t, held: []*logical.Response{held}}, &stage{rig: r.another(), t: t, held: []*logical.Response{held}}
			if here, want := s.stored(), fresh.stored(); !maps.Equal(here, want) {
				t.Errorf("\nhere  %v\nthere %v", here, want)
			}
			_, err := here.do(logical.ReadOperation, "creds/"+role, "e-orders", nil)
			_, want := fresh.do(logical.ReadOperation, "creds/"+role, "e-orders", nil)
			if status(err) != status(want) {
				t.Errorf("here %v, there %v", err, want)
			}
			for _, path := range []string{"callers/e-orders", "roles/" + role, "services/payments"} {
				there.write(path+"/resume", nil)
			}
			r.clock.advance(time.Minute)
		})
	}
}
