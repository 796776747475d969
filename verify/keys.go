package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	keysMaxAge   = time.Minute     // keys are fetched again after that
	refetchEvery = 5 * time.Second // unknown kids cause no more fetches than that
	maxDocument  = 1 << 20         // bytes read of a JWKS
)

// keySource is the issuer's JWKS in memory.
type keySource struct {
	client *http.Client
	url    string

	mu      sync.RWMutex
	keys    map[string]jose.JSONWebKey
	fetched time.Time

	refetching sync.Mutex
	tried      time.Time // under refetching
}

func (k *keySource) init(client *http.Client, issuer string) {
	k.client, k.url = client, issuer+"/.well-known/jwks.json"
}

func (k *keySource) key(kid string) (jose.JSONWebKey, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	key, ok := k.keys[kid]
	return key, ok
}

func (k *keySource) known(kid string) bool { _, ok := k.key(kid); return ok }

func (k *keySource) old(now time.Time) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return now.Sub(k.fetched) > keysMaxAge
}

// refetch is for a kid nobody knows: it may be new. It is rate limited, so
// that made-up kids do not turn into requests.
func (k *keySource) refetch(ctx context.Context, now time.Time) {
	if !k.refetching.TryLock() {
		return
	}
	defer k.refetching.Unlock()
	if now.Sub(k.tried) < refetchEvery {
		return
	}
	k.tried = now
	_ = k.refresh(ctx) // the token is refused all the same
}

func (k *keySource) refresh(ctx context.Context) error {
	body, err := fetch(ctx, k.client, k.url, maxDocument)
	if err != nil {
		return err
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(body, &set); err != nil {
		return fmt.Errorf("%s is not a JWKS: %w", k.url, err)
	}
	keys := make(map[string]jose.JSONWebKey, len(set.Keys))
	for _, key := range set.Keys {
		if key.KeyID != "" && key.Algorithm != "" && key.IsPublic() {
			keys[key.KeyID] = key
		}
	}
	if len(keys) == 0 {
		return fmt.Errorf("%s has no usable keys", k.url)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys, k.fetched = keys, time.Now()
	return nil
}
