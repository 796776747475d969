package revocation_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
)

func TestForgetDropsOnlyWhatHasExpired(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s revocation.State
		var events []revocation.Event
		for range rapid.IntRange(1, 8).Draw(t, "events") {
			e := anyEvent(t)
			events = append(events, e)
			if _, err := s.Add(e); err != nil {
				t.Fatal(err)
			}
		}
		now := rapid.Int64Range(4999, 5010).Draw(t, "now")
		before := names(s.Snapshot())
		gone := s.Forget(now)
		for _, c := range everyCredential() {
			needed := slices.ContainsFunc(events, func(e revocation.Event) bool { return e.Until >= now && kills(e, c) })
			if needed && s.Dead(c, today) == "" {
				t.Fatalf("%+v came back at %d, after %+v", c, now, events)
			}
		}
		after := names(s.Snapshot())
		var dropped []string
		for name, until := range before {
			_, kept := after[name]
			if kept != (until >= now) {
				t.Fatalf("at %d, %s with until %d is kept: %t", now, name, until, kept)
			}
			if !kept {
				dropped = append(dropped, name)
			}
		}
		slices.Sort(dropped)
		if reported := gonesNames(gone); !slices.Equal(dropped, reported) {
			t.Fatalf("dropped %v, reported %v", dropped, reported)
		}
	})
}

// names is what a snapshot holds, with its until.
func names(f revocation.Feed) map[string]int64 {
	list := map[string]int64{}
	for _, e := range f.Events {
		list[eventName(e)] = e.Until
	}
	for _, c := range f.Lists {
		list[fmt.Sprintf("list %s %d", c.Contract, c.N)] = c.Until
	}
	return list
}

func eventName(e revocation.Event) string {
	switch {
	case e.Type == revocation.EventSerial:
		return fmt.Sprintf("list %s %d", e.Contract, e.Serial/revocation.ListSize)
	case e.KeyID != "":
		return "key " + e.KeyID
	case e.Caller != "":
		return "caller " + e.Contract + " " + e.Caller
	}
	return fmt.Sprintf("floor %s from %d", e.Contract, e.From)
}

func gonesNames(f revocation.Forgotten) []string {
	var list []string
	for _, c := range f.Chunks {
		list = append(list, fmt.Sprintf("list %s %d", c.Contract, c.N))
	}
	for _, e := range f.Callers {
		list = append(list, eventName(e))
	}
	for _, kid := range f.Keys {
		list = append(list, "key "+kid)
	}
	for _, e := range f.Floors {
		list = append(list, eventName(e))
	}
	slices.Sort(list)
	return list
}

// A list that is read again, perhaps an older one, takes nothing back: neither
// a serial nor for how long it has to be remembered.
func TestOldChunksTakeNothingBack(t *testing.T) {
	var s revocation.State
	if _, err := s.Add(revocation.Event{Type: revocation.EventSerial, Contract: "a", Serial: 1, Until: 50}); err != nil {
		t.Fatal(err)
	}
	old, _ := s.Chunk("a", 0)
	old.Until = 10
	if _, err := s.Add(revocation.Event{Type: revocation.EventSerial, Contract: "a", Serial: 2, Until: 20}); err != nil {
		t.Fatal(err)
	}
	if err := s.AddChunk(old); err != nil {
		t.Fatal(err)
	}
	if gone := s.Forget(50); len(gone.Chunks) != 0 || !s.Listed("a", 1, 0) || !s.Listed("a", 2, 0) {
		t.Errorf("forgot %+v", gone)
	}
}

// An issuer that forgot a floor goes on from serials above it: nothing that is
// issued later is dead.
func TestForgottenFloor(t *testing.T) {
	var s revocation.State
	if _, err := s.Add(revocation.Event{Type: revocation.EventFloor, Contract: "a", Floor: 100, Until: 50}); err != nil {
		t.Fatal(err)
	}
	if s.Floor("a", today) != 100 || s.Floor("b", today) != 0 {
		t.Errorf("floors %d and %d", s.Floor("a", today), s.Floor("b", today))
	}
	if gone := s.Forget(50); len(gone.Floors) != 0 {
		t.Errorf("forgot %v a moment too early", gone)
	}
	if gone := s.Forget(51); len(gone.Floors) != 1 || s.Floor("a", today) != 0 {
		t.Errorf("forgot %v, floor %d", gone, s.Floor("a", today))
	}
	if f := s.Snapshot(); len(f.Events)+len(f.Lists) != 0 {
		t.Errorf("what is left of it is sent: %+v", f)
	}
}
