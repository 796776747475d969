// Package keyring holds the signing keys of a mount: named sets in which a
// key is published before it signs and stays published until the last token
// it signed has expired.
package keyring

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Ring is the key sets of a mount in memory. It is safe for concurrent use.
type Ring struct {
	now func() time.Time

	mu   sync.RWMutex
	sets map[string]*Set
	keys map[string]*Version // by kid
}

// New returns an empty ring.
func New(now func() time.Time) *Ring { return &Ring{now: now, sets: map[string]*Set{}} }

// Open makes a set that came from storage ready for use.
func Open(s *Set) error {
	for _, v := range s.Versions {
		if err := v.open(); err != nil {
			return err
		}
	}
	if len(s.Versions) < 2 {
		return fmt.Errorf("a key set has %d keys, it needs two", len(s.Versions))
	}
	return nil
}

// Load replaces all sets.
func (r *Ring) Load(sets map[string]*Set) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sets = sets
	r.index()
}

// Put adds or replaces a set; nil removes it.
func (r *Ring) Put(name string, s *Set) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s == nil {
		delete(r.sets, name)
	} else {
		r.sets[name] = s
	}
	r.index()
}

func (r *Ring) index() {
	r.keys = make(map[string]*Version)
	for _, set := range r.sets {
		for _, v := range set.Versions {
			r.keys[v.KeyID] = v
		}
	}
}

// Set returns a set by name, nil when there is none.
func (r *Ring) Set(name string) *Set {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.sets[name]
}

// Names returns the names of the sets, sorted.
func (r *Ring) Names() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Sorted(maps.Keys(r.sets))
}

// Public finds a published key.
func (r *Ring) Public(kid string) (jose.JSONWebKey, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	v, ok := r.keys[kid]
	if !ok {
		return jose.JSONWebKey{}, false
	}
	return v.public, true
}

// Published returns all public keys, in a stable order.
func (r *Ring) Published() []jose.JSONWebKey {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var list []jose.JSONWebKey
	for _, v := range r.keys {
		list = append(list, v.public)
	}
	slices.SortFunc(list, func(a, b jose.JSONWebKey) int { return cmp.Compare(a.KeyID, b.KeyID) })
	return list
}

// Algorithm of the key of a set that signs now, "" when there is no such set.
func (r *Ring) Algorithm(name string) string {
	if s := r.Set(name); s != nil {
		return s.Signs(r.now()).Algorithm
	}
	return ""
}

// Sign returns the compact JWS of payload, made with the key of the set that
// signs now, and its kid.
func (r *Ring) Sign(name, typ string, payload []byte) (jws, kid string, err error) {
	s := r.Set(name)
	if s == nil {
		return "", "", fmt.Errorf("no key set %q", name)
	}
	v := s.Signs(r.now())
	jws, err = v.sign(typ, payload)
	return jws, v.KeyID, err
}
