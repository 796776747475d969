package verify

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	keysFresh    = time.Minute     // keys are fetched again after that
	keysGood     = time.Hour       // and are good for no longer than that when they cannot be
	refetchEvery = 5 * time.Second // unknown kids cause no more fetches than that
	maxWaiting   = 1000            // for a refetch; others are refused at once
	maxKeys      = 1000
)

// keySource is the issuer's JWKS in memory.
type keySource struct {
	sources *sources
	now     func() time.Time
	set     atomic.Pointer[keySet]

	mu      sync.Mutex
	tried   time.Time
	flight  chan struct{} // closed when the refetch under way has ended, nil without one
	waiting int           // for it
}

type keySet struct {
	keys    map[string]jose.JSONWebKey
	fetched time.Time
}

func (k *keySource) key(kid string) (jose.JSONWebKey, bool) {
	key, ok := k.set.Load().keys[kid]
	return key, ok
}

func (k *keySource) known(kid string) bool { _, ok := k.key(kid); return ok }

func (k *keySource) age() time.Duration { return k.now().Sub(k.set.Load().fetched) }

// refetch is for a kid nobody knows: it may be new. It is rate limited, so
// that made-up kids do not turn into requests, and goes on when who asked for
// it has left, so that nobody can keep it from ending.
func (k *keySource) refetch(ctx context.Context) {
	k.mu.Lock()
	flight, now := k.flight, k.now()
	switch {
	case flight != nil && k.waiting >= maxWaiting, flight == nil && now.Sub(k.tried) < refetchEvery:
		k.mu.Unlock()
		return
	case flight == nil:
		flight = make(chan struct{})
		k.flight, k.tried = flight, now
		go k.land(context.WithoutCancel(ctx), flight)
	}
	k.waiting++
	k.mu.Unlock()
	select {
	case <-flight:
	case <-ctx.Done():
	}
	k.mu.Lock()
	k.waiting--
	k.mu.Unlock()
}

func (k *keySource) land(ctx context.Context, flight chan struct{}) {
	_ = k.refresh(ctx) // the token is refused all the same
	k.mu.Lock()
	k.flight = nil
	k.mu.Unlock()
	close(flight)
}

func (k *keySource) refresh(ctx context.Context) error {
	body, err := k.sources.get(ctx, "/.well-known/jwks.json", maxDocument)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return errors.New("keys: the issuer's document is not a JWKS")
	}
	keys := make(map[string]jose.JSONWebKey, min(len(set.Keys), maxKeys))
	for _, text := range set.Keys {
		var key jose.JSONWebKey // of a kind we know, or not: RFC 7517 section 5
		if key.UnmarshalJSON(text) == nil && usable(&key) && len(keys) < maxKeys {
			keys[key.KeyID] = key
		}
	}
	if len(keys) == 0 {
		return errors.New("keys: the issuer's JWKS has no key that ramp tokens are signed with")
	}
	k.set.Store(&keySet{keys, k.now()})
	return nil
}

// usable reports whether a key says what it is for and is what it says.
func usable(key *jose.JSONWebKey) bool {
	if key.KeyID == "" || !key.IsPublic() || key.Use != "" && key.Use != "sig" {
		return false
	}
	switch public := key.Key.(type) {
	case *ecdsa.PublicKey:
		return key.Algorithm == "ES256" && public.Curve == elliptic.P256() || key.Algorithm == "ES384" && public.Curve == elliptic.P384()
	case *rsa.PublicKey:
		return key.Algorithm == "RS256" && public.N.BitLen() >= 2048
	case ed25519.PublicKey:
		return key.Algorithm == "EdDSA"
	}
	return false
}
