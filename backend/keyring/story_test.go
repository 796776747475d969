package keyring_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/keyring"
)

// story is a key set through time.
type story struct {
	t   *testing.T
	now time.Time
	set *keyring.Set
}

const delay = 300 // seconds

func begin(t *testing.T) *story {
	t.Helper()
	s := &story{t: t, now: time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)}
	set, err := keyring.NewSet("ES256", 3600, delay, s.now)
	if err != nil {
		t.Fatal(err)
	}
	s.set = set
	return s
}

func (s *story) pass(d time.Duration) { s.now = s.now.Add(d) }

func (s *story) rotate() *keyring.Version {
	s.t.Helper()
	set, promoted, err := s.set.Rotated(s.now)
	if err != nil {
		s.t.Fatal(err)
	}
	s.set = set
	return promoted
}

func (s *story) revoke(i int) {
	s.t.Helper()
	set, err := s.set.Without(s.set.Versions[i].KeyID, s.now)
	if err != nil {
		s.t.Fatal(err)
	}
	s.set = set
}

// is asserts the states of the versions, and that what signs is the current one.
func (s *story) is(want string) {
	s.t.Helper()
	var states []string
	for i, v := range s.set.Versions {
		states = append(states, s.set.State(i, s.now))
		if (states[i] == keyring.Current) != (v.KeyID == s.set.Signs(s.now).KeyID) {
			s.t.Errorf("version %d is %s, but the one that signs is %s", i, states[i], s.set.Signs(s.now).KeyID)
		}
	}
	if got := strings.Join(states, " "); got != want {
		s.t.Errorf("%s: %s, want %s", s.now.Format(time.TimeOnly), got, want)
	}
	if last := s.set.Versions[len(s.set.Versions)-1]; s.set.Next() != last || !last.ActivatesAt.IsZero() {
		s.t.Errorf("the next key is to sign at %s", last.ActivatesAt)
	}
}

func TestRotationStory(t *testing.T) {
	s := begin(t)
	s.is("current next")
	first, second := s.set.Signs(s.now).KeyID, s.set.Next().KeyID

	// The first next key was published with the first key: no verifier knows one without the other.
	if p := s.rotate(); p.KeyID != second || !p.ActivatesAt.Equal(s.now) {
		t.Errorf("promoted %s at %s", p.KeyID, p.ActivatesAt)
	}
	s.is("retired current next")

	// The next one has just been published. It has to wait.
	third := s.set.Next().KeyID
	if p := s.rotate(); p.KeyID != third || !p.ActivatesAt.Equal(s.now.Add(delay*time.Second)) {
		t.Errorf("promoted %s at %s", p.KeyID, p.ActivatesAt)
	}
	s.is("retired current scheduled next")
	s.pass(delay*time.Second - time.Nanosecond)
	s.is("retired current scheduled next")
	s.pass(time.Nanosecond)
	s.is("retired retired current next")

	// Its successor has been public for as long, and signs at once.
	if p := s.rotate(); !p.ActivatesAt.Equal(s.now) {
		t.Errorf("promoted at %s", p.ActivatesAt)
	}
	s.is("retired retired retired current next")
	if s.set.Versions[0].KeyID != first {
		t.Error("the oldest key is not the first")
	}
}

func TestImpatientRotations(t *testing.T) {
	s := begin(t)
	for range 4 {
		s.rotate()
	}
	s.is("retired current scheduled scheduled scheduled next")
	s.pass(delay * time.Second)
	s.is("retired retired retired retired current next")
}

// The delay is lowered while a rotation is under way: no key may overtake.
func TestKeysDoNotOvertake(t *testing.T) {
	s := begin(t)
	s.rotate()
	scheduled := s.rotate()
	s.set = s.set.Tuned(3600, 0)
	if p := s.rotate(); p.ActivatesAt.Before(scheduled.ActivatesAt) {
		t.Errorf("the later key signs at %s, the earlier at %s", p.ActivatesAt, scheduled.ActivatesAt)
	}
	s.is("retired current scheduled scheduled next")
}

func TestRevocationStory(t *testing.T) {
	s := begin(t)
	s.rotate()
	s.rotate()
	s.is("retired current scheduled next")
	retired, current, scheduled := s.set.Versions[0].KeyID, s.set.Versions[1].KeyID, s.set.Versions[2].KeyID

	s.revoke(3)
	s.is("retired current scheduled next")
	s.revoke(0)
	s.is("current scheduled next")
	s.revoke(0)
	s.is("current next") // the scheduled key signs at once
	if s.set.Signs(s.now).KeyID != scheduled {
		t.Error("the successor of a revoked key is not the key that was to follow")
	}
	next := s.set.Next().KeyID
	s.revoke(0)
	s.is("current next")
	if s.set.Signs(s.now).KeyID != next {
		t.Error("the successor of a revoked key is not its next key")
	}
	for _, kid := range []string{retired, current, "", "other"} {
		if set, err := s.set.Without(kid, s.now); err == nil {
			t.Errorf("%q was there to revoke: %v", kid, set)
		}
	}

	s = begin(t)
	s.rotate()
	s.rotate()
	s.revoke(2)
	s.is("retired current next") // a scheduled key, before it ever signed
	s.pass(time.Hour)
	s.is("retired current next")
}

func TestPruning(t *testing.T) {
	s := begin(t)
	horizon := func(at time.Time) time.Time { return at.Add(time.Hour) } // the longest token lives an hour
	s.rotate()
	s.pass(30 * time.Minute)
	s.rotate()
	s.is("retired retired current next")
	for _, step := range []struct {
		pass time.Duration
		want string
	}{
		{30 * time.Minute, "retired retired current next"}, // its last token expires right now
		{time.Nanosecond, "retired current next"},
		{30 * time.Minute, "current next"},
		{1000 * time.Hour, "current next"},
	} {
		s.pass(step.pass)
		before := len(s.set.Versions)
		set, pruned := s.set.Pruned(s.now, horizon)
		s.set = set
		s.is(step.want)
		if pruned != (len(set.Versions) < before) {
			t.Errorf("pruned %t, from %d to %d keys", pruned, before, len(set.Versions))
		}
	}
}

func TestDue(t *testing.T) {
	s := begin(t)
	for _, step := range []struct {
		pass time.Duration
		due  bool
	}{{0, false}, {time.Hour - time.Nanosecond, false}, {time.Nanosecond, true}, {time.Hour, true}} {
		s.pass(step.pass)
		if s.set.Due(s.now) != step.due {
			t.Errorf("due at %s: %t", s.now.Format(time.TimeOnly), !step.due)
		}
	}
	s.rotate()
	s.rotate() // scheduled: not due again before that one has signed for a period
	if s.set.Due(s.now) || s.set.Due(s.now.Add(time.Hour)) || !s.set.Due(s.now.Add(time.Hour+delay*time.Second)) {
		t.Error("a rotation that is under way is due again")
	}
	if never := s.set.Tuned(0, delay); never.Due(s.now.Add(1e6 * time.Hour)) {
		t.Error("a rotation period of 0 means never")
	}
}
