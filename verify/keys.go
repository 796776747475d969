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

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

const (
	keysFresh    = time.Minute // keys are fetched again after that
	keysGood     = time.Hour   // and are good for no longer than that when they cannot be
	keysRetry    = 5 * time.Second
	refetchEvery = 5 * time.Second // unknown kids cause no more fetches than that
	maxWaiting   = 100             // for a refetch; others are refused at once: strangers may not hold up a server that the issuer holds up
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

// open checks what the issuer signed and returns the payload. A key that is
// not known may be new: it is fetched.
func (k *keySource) open(ctx context.Context, raw string, limit int, typ string) ([]byte, error) {
	_, payload, err := token.OpenSized(raw, limit, k.key, typ)
	if errors.Is(err, token.ErrUnknownKey) {
		if err := k.refresh(ctx); err != nil {
			return nil, fmt.Errorf("it is signed with a key that is not known yet: %w", err)
		}
		_, payload, err = token.OpenSized(raw, limit, k.key, typ)
	}
	switch {
	case errors.Is(err, token.ErrUnknownKey):
		return nil, errors.New("it is not from the issuer: it is signed with a key that the issuer does not publish")
	case errors.Is(err, token.ErrSignature):
		return nil, errors.New("it is not from the issuer, or damaged: its signature does not match")
	case err != nil:
		return nil, fmt.Errorf("the answer is not from an issuer (a proxy's page, or cut off?): it is not a signed message of type %s", typ)
	}
	return payload, nil
}

func (k *keySource) refresh(ctx context.Context) error {
	err := k.sources.first(ctx, "/.well-known/jwks.json", maxDocument, func(body []byte) error {
		keys, err := readKeys(body)
		if err == nil {
			k.set.Store(&keySet{keys, k.now()})
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("keys of the issuer: %w", err)
	}
	return nil
}

func readKeys(body []byte) (map[string]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, errors.New("the answer is not a JWKS")
	}
	keys := make(map[string]jose.JSONWebKey, min(len(set.Keys), maxKeys))
	for _, text := range set.Keys {
		var key jose.JSONWebKey // of a kind we know, or not: RFC 7517 section 5
		if key.UnmarshalJSON(text) == nil && usable(&key) && len(keys) < maxKeys {
			keys[key.KeyID] = key
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the JWKS has no key that ramp tokens are signed with")
	}
	return keys, nil
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
