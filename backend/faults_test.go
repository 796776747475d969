package backend

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// attempt is an operation during which storage fails: at its first operation,
// then, in another world, at its second, and so on until none is left to fail.
type attempt struct {
	name    string
	prepare func(*stage)
	do      func(*stage) error
	check   func(*stage) // what must hold once it has succeeded
	silent  bool         // an error is logged, as nobody waits for an answer
}

// stage is a rig with credentials in all states.
type stage struct {
	*rig
	t       *testing.T
	held    []*logical.Response
	dead    map[any]bool // jti → was seen dead
	highest float64      // serial
}

func setStage(t *testing.T) *stage {
	s := &stage{rig: newRig(t), t: t, dead: map[any]bool{}, highest: -1}
	s.contract()
	s.rig.write("services/other", map[string]any{"audience": "other", "scopes": "invoices:read", "max_ttl": "1h"})
	for range 4 {
		s.hold()
	}
	s.revoke(s.held[0])
	s.observe()
	return s
}

// hold gets one more credential.
func (s *stage) hold() {
	s.t.Helper()
	resp := s.mint()
	if serial := number(resp.Data["serial"]); serial <= s.highest {
		s.t.Errorf("serial %v follows %v", serial, s.highest)
	} else {
		s.highest = serial
	}
	s.held = append(s.held, resp)
}

// observe fails when a credential that was dead is alive.
func (s *stage) observe() {
	s.t.Helper()
	for _, resp := range s.held {
		jti := resp.Data["jti"]
		alive := s.active(resp.Data["token"])
		if alive && s.dead[jti] {
			s.t.Errorf("%v was revived", jti)
		}
		s.dead[jti] = s.dead[jti] || !alive
	}
}

func (s *stage) try(op logical.Operation, path string, data map[string]any) error {
	s.t.Helper()
	_, err := s.rig.do(op, path, "e-orders", data)
	return err
}

func (s *stage) write(path string, data map[string]any) error {
	s.t.Helper()
	return s.try(logical.UpdateOperation, path, data)
}

// allDead asserts the end of what was held.
func (s *stage) allDead() {
	s.t.Helper()
	for _, resp := range s.held {
		if s.active(resp.Data["token"]) {
			s.t.Errorf("%v is alive", resp.Data["jti"])
		}
	}
}

// stored is all that the engine says of itself.
func (s *stage) stored() map[string]string {
	s.t.Helper()
	world := map[string]string{"config": marshalled(s.rig.read("config")), "jwks": marshalled(s.jwks()), "bundle": marshalled(s.document("bundle"))}
	for _, kind := range []string{"keys", "services", "roles"} {
		for _, name := range s.list(kind + "/") {
			world[kind+"/"+name] = marshalled(s.rig.read(kind + "/" + name))
		}
	}
	follower := s.follower()
	for _, resp := range s.held {
		world[fmt.Sprint(resp.Data["jti"])] = fmt.Sprint(s.active(resp.Data["token"]), follower.Dead(s.credential(resp), s.clock.now().Unix()))
	}
	return world
}

func TestStorageFaults(t *testing.T) {
	for _, a := range attempts {
		for _, kind := range []faultKind{before, after, panicking} {
			t.Run(a.name+"/"+string(kind), func(t *testing.T) {
				// Every other world restarts before the retry, with the kinds taking turns.
				for n := 1; strikes(t, a, kind, n, (n%2 == 0) == (kind == before)); n++ {
					if n > 60 {
						t.Fatal("there is no end of storage operations")
					}
				}
			})
		}
	}
}

// strikes plays an attempt with a fault at the n-th storage operation, and
// reports whether there was one.
func strikes(t *testing.T, a attempt, kind faultKind, n int, restart bool) bool {
	t.Helper()
	s := setStage(t)
	if a.prepare != nil {
		a.prepare(s)
	}
	s.storage.breakAt(n, kind)
	err := a.do(s)
	struck := s.storage.mend()
	switch {
	case !struck && err != nil:
		t.Fatalf("without a fault: %v", err)
	case struck && status(err) != 500 && !a.silent:
		t.Errorf("fault %d is answered with %v", n, err)
	}
	s.observe()
	if restart {
		s.start()
		s.observe()
	}
	if struck {
		if err := a.do(s); err != nil {
			t.Fatalf("the retry after fault %d: %v", n, err)
		}
	}
	s.observe()
	a.check(s)
	inMemory := s.stored()
	s.start()
	if onDisk := s.stored(); !maps.Equal(inMemory, onDisk) {
		t.Errorf("fault %d\nin memory %v\non disk   %v", n, inMemory, onDisk)
	}
	s.observe()
	s.recover()
	return struck
}

// A revocation that failed and was told so is not carried out in passing by
// the next one, of which followers would never hear.
func TestFailedRevocationsLeaveNothingBehind(t *testing.T) {
	s := setStage(t)
	start := s.feed(0)
	known := s.follower()
	s.storage.breakAt(1, before)
	if err := s.revokeLease(s.held[1]); status(err) != 500 {
		t.Fatalf("answered with %v", err)
	}
	s.storage.mend()
	s.revoke(s.held[2])
	message := s.feed(start.Cursor)
	if err := known.Apply(&message); err != nil {
		t.Fatal(err)
	}
	for n, want := range []bool{true, false, true, false} {
		resp := s.held[n]
		if dead, told := !s.active(resp.Data["token"]), known.Dead(s.credential(resp), s.clock.now().Unix()) != ""; dead != want || told != want {
			t.Errorf("credential %d: dead %t, followers know %t, want %t", n, dead, told, want)
		}
	}
}

// recover makes the contract usable whatever the attempt did to it, and looks
// once more for serials that come twice and for the dead.
func (s *stage) recover() {
	s.t.Helper()
	for _, path := range []string{"callers/e-orders/resume", "services/payments/resume", "roles/" + role + "/resume"} {
		_ = s.write(path, nil)
	}
	if len(s.list("roles/")) == 0 {
		s.delete("services/payments")
		s.contract()
		s.highest = -1
	}
	before := len(s.held)
	s.hold()
	if !s.active(s.held[before].Data["token"]) {
		s.t.Error("a new credential is dead")
	}
	if err := s.write("roles/"+role+"/revoke", nil); err != nil {
		s.t.Error(err)
	}
	s.observe()
	s.held = s.held[before:]
	s.allDead()
}

func (s *stage) revokeLease(resp *logical.Response) error {
	_, err := s.backend.HandleRequest(context.Background(), &logical.Request{Operation: logical.RevokeOperation, Storage: s.storage, Secret: resp.Secret})
	return err
}

func (s *stage) expire() {
	s.clock.advance(50 * time.Hour)
}
