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
	maxKeys      = 1000
)

// keySource is the issuer's JWKS in memory.
type keySource struct {
	sources *sources
	now     func() time.Time
	set     atomic.Pointer[keySet]

	refetching sync.Mutex
	tried      time.Time // under refetching
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
// that made-up kids do not turn into requests.
func (k *keySource) refetch(ctx context.Context) {
	if !k.refetching.TryLock() {
		return
	}
	defer k.refetching.Unlock()
	if now := k.now(); now.Sub(k.tried) >= refetchEvery {
		k.tried = now
		_ = k.refresh(ctx) // the token is refused all the same
	}
}

func (k *keySource) refresh(ctx context.Context) error {
	body, err := k.sources.get(ctx, "/.well-known/jwks.json", maxDocument)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(body, &set); err != nil {
		return errors.New("keys: the issuer's document is not a JWKS")
	}
	keys := make(map[string]jose.JSONWebKey, min(len(set.Keys), maxKeys))
	for _, key := range set.Keys {
		if usable(&key) && len(keys) < maxKeys {
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
