package keyring

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// maxVersions bounds how large frequent rotations can make a set.
const maxVersions = 64

// Set is a named set of signing keys, oldest first. Exactly one version signs
// at any time; the last one is the next, published before it signs.
//
// A Set that is on the ring is never changed: changes are made to a copy.
type Set struct {
	Algorithm       string       `json:"algorithm"`
	RotationPeriod  ramp.Seconds `json:"rotation_period"`
	ActivationDelay ramp.Seconds `json:"activation_delay"`
	Versions        []*Version   `json:"versions"`
}

// NewSet returns a set with a key that signs from now on and its successor.
func NewSet(algorithm string, period, delay ramp.Seconds, now time.Time) (*Set, error) {
	s := &Set{Algorithm: algorithm, RotationPeriod: period, ActivationDelay: delay}
	for range 2 {
		v, err := generate(algorithm, now)
		if err != nil {
			return nil, err
		}
		v.Prompt = true
		s.Versions = append(s.Versions, v)
	}
	s.Versions[0].ActivatesAt = now.UTC()
	return s, nil
}

// States of a version.
const (
	Next      = "next"      // published, signs after a rotation
	Scheduled = "scheduled" // published, signs from ActivatesAt on
	Current   = "current"   // signs
	Retired   = "retired"   // published until the last token it signed has expired
)

// State of version i at a time.
func (s *Set) State(i int, now time.Time) string {
	switch current := s.current(now); {
	case s.Versions[i].ActivatesAt.IsZero():
		return Next
	case i > current:
		return Scheduled
	case i == current:
		return Current
	}
	return Retired
}

func (s *Set) current(now time.Time) int {
	for i := len(s.Versions) - 1; i >= 0; i-- {
		if at := s.Versions[i].ActivatesAt; !at.IsZero() && !at.After(now) {
			return i
		}
	}
	return 0 // the clock went back, or all that is left is scheduled
}

// Signs returns the version that signs at a time.
func (s *Set) Signs(now time.Time) *Version { return s.Versions[s.current(now)] }

// Next returns the version that waits for the next rotation.
func (s *Set) Next() *Version { return s.Versions[len(s.Versions)-1] }

func (s *Set) copy() *Set {
	c := *s
	c.Versions = slices.Clone(s.Versions)
	return &c
}

// Rotated returns the set after a rotation: the next key signs as soon as it
// has been public for the activation delay, and a new next key is published.
// It returns the promoted version.
func (s *Set) Rotated(now time.Time) (*Set, *Version, error) {
	if err := s.room(); err != nil {
		return nil, nil, err
	}
	c := s.copy()
	promoted := c.Next().clone()
	promoted.ActivatesAt = now.UTC()
	if public := promoted.PublishedAt.Add(time.Duration(s.ActivationDelay) * time.Second); public.After(now) && !promoted.Prompt {
		promoted.ActivatesAt = public
	}
	if before := c.lastActivation(); promoted.ActivatesAt.Before(before) {
		promoted.ActivatesAt = before
	}
	c.Versions[len(c.Versions)-1] = promoted
	next, err := generate(c.Algorithm, now)
	if err != nil {
		return nil, nil, err
	}
	c.Versions = append(c.Versions, next)
	return c, promoted, promoted.open()
}

// room reports whether one more key may be added.
func (s *Set) room() error {
	if len(s.Versions) >= maxVersions {
		return fmt.Errorf("the set has %d keys, most of them retired with tokens that are still alive; wait for those to expire, or lower max_ttl", len(s.Versions))
	}
	return nil
}

func (s *Set) lastActivation() time.Time {
	if len(s.Versions) < 2 {
		return time.Time{}
	}
	return s.Versions[len(s.Versions)-2].ActivatesAt
}

// Tuned returns the set with other periods.
func (s *Set) Tuned(period, delay ramp.Seconds) *Set {
	c := s.copy()
	c.RotationPeriod, c.ActivationDelay = period, delay
	return c
}

// Switched returns the set with another algorithm, which the next rotation
// brings into use: the next key, which has never signed, is replaced.
func (s *Set) Switched(algorithm string, now time.Time) (*Set, error) {
	c := s.copy()
	c.Algorithm = algorithm
	next, err := generate(algorithm, now)
	if err != nil {
		return nil, err
	}
	c.Versions[len(c.Versions)-1] = next
	return c, nil
}

// Replaced returns a set in which a new key of the algorithm signs at once:
// for a set that no contract uses, so that no verifier waits for its keys.
func (s *Set) Replaced(algorithm string, now time.Time) (*Set, error) {
	if err := s.room(); err != nil {
		return nil, err
	}
	c, err := NewSet(algorithm, s.RotationPeriod, s.ActivationDelay, now)
	if err != nil {
		return nil, err
	}
	c.Versions = append(slices.Clone(s.Versions[:len(s.Versions)-1]), c.Versions...)
	return c, nil
}

// Without returns the set after kid was compromised. When that key signed, or
// was about to, its successor signs at once.
func (s *Set) Without(kid string, now time.Time) (*Set, error) {
	i := slices.IndexFunc(s.Versions, func(v *Version) bool { return v.KeyID == kid })
	if i < 0 {
		return nil, errors.New("the set has no such key")
	}
	signed, wasNext := i == s.current(now), s.Versions[i].ActivatesAt.IsZero()
	c := s.copy()
	c.Versions = slices.Delete(c.Versions, i, i+1)
	if signed {
		successor := c.Versions[i].clone()
		successor.ActivatesAt = now.UTC()
		c.Versions[i] = successor
		wasNext = i == len(c.Versions)-1
		if err := successor.open(); err != nil {
			return nil, err
		}
	}
	if wasNext {
		next, err := generate(c.Algorithm, now)
		if err != nil {
			return nil, err
		}
		c.Versions = append(c.Versions, next)
	}
	return c, nil
}

// Pruned returns the set without the retired keys of which all tokens have
// expired; horizon is when the last token signed at a given time expires.
func (s *Set) Pruned(now time.Time, horizon func(time.Time) time.Time) (*Set, bool) {
	dead := 0
	for dead < s.current(now) && horizon(s.Versions[dead+1].ActivatesAt).Before(now) {
		dead++
	}
	if dead == 0 {
		return s, false
	}
	c := s.copy()
	c.Versions = c.Versions[dead:]
	return c, true
}

// DueAt returns when the rotation period is over, zero for never.
func (s *Set) DueAt() time.Time {
	last := s.lastActivation()
	if s.RotationPeriod <= 0 || last.IsZero() {
		return time.Time{}
	}
	return last.Add(time.Duration(s.RotationPeriod) * time.Second)
}

// Due reports whether the rotation period is over.
func (s *Set) Due(now time.Time) bool {
	at := s.DueAt()
	return !at.IsZero() && !at.After(now)
}

func (v *Version) clone() *Version {
	return &Version{
		KeyID: v.KeyID, Algorithm: v.Algorithm, Private: v.Private,
		PublishedAt: v.PublishedAt, ActivatesAt: v.ActivatesAt, Prompt: v.Prompt,
	}
}
