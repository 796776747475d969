package keyring_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/keyring"
)

func TestRing(t *testing.T) {
	ring := keyring.New(time.Now)
	if jws, _, err := ring.Sign("a", "JWT", nil); err == nil || jws != "" || ring.Algorithm("a") != "" || ring.Set("a") != nil || len(ring.Published()) != 0 {
		t.Errorf("an empty ring signs %q, %v", jws, err)
	}
	sets := map[string]*keyring.Set{}
	for i, name := range []string{"b", "a"} {
		set, err := keyring.NewSet(keyring.Algorithms[i], 0, 0, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		sets[name] = set
	}
	ring.Load(sets)
	if !slices.Equal(ring.Names(), []string{"a", "b"}) || ring.Algorithm("a") != "RS256" || ring.Algorithm("b") != "ES256" {
		t.Errorf("names %v, algorithms %s and %s", ring.Names(), ring.Algorithm("a"), ring.Algorithm("b"))
	}
	published := ring.Published()
	if len(published) != 4 || !slices.IsSortedFunc(published, func(a, b jose.JSONWebKey) int { return strings.Compare(a.KeyID, b.KeyID) }) {
		t.Errorf("%d keys, in a stable order", len(published))
	}
	kid := sets["a"].Versions[1].KeyID
	if _, ok := ring.Public(kid); !ok {
		t.Error("the next key is not published")
	}
	ring.Put("a", nil)
	if _, ok := ring.Public(kid); ok || len(ring.Published()) != 2 || ring.Set("a") != nil {
		t.Error("a deleted set is still there")
	}
}

// What the ring shows to the public names no private number, for any kind of key.
func TestPublicViewsArePublic(t *testing.T) {
	ring := keyring.New(time.Now)
	for _, algorithm := range keyring.Algorithms {
		set, err := keyring.NewSet(algorithm, 0, 0, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		ring.Put(strings.ToLower(algorithm), set)
	}
	text, err := json.Marshal(ring.Published())
	if err != nil {
		t.Fatal(err)
	}
	var keys []map[string]any
	if err := json.Unmarshal(text, &keys); err != nil || len(keys) != 8 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	algorithms := map[string]int{}
	for _, key := range keys {
		for member := range key {
			if !slices.Contains([]string{"kty", "kid", "alg", "use", "crv", "x", "y", "n", "e"}, member) {
				t.Errorf("a public key has the member %q", member)
			}
		}
		if key["use"] != "sig" {
			t.Errorf("use %v", key["use"])
		}
		algorithms[key["alg"].(string)]++
		public, ok := ring.Public(key["kid"].(string))
		if !ok || !public.IsPublic() || !public.Valid() {
			t.Errorf("key %v: found %t, public %t", key["kid"], ok, public.IsPublic())
		}
	}
	for _, alg := range []string{"ES256", "RS256", "ES384", "EdDSA"} {
		if algorithms[alg] != 2 {
			t.Errorf("%d keys of %s", algorithms[alg], alg)
		}
	}
}

// Signing goes on while sets are replaced, and each signature bears a kid that
// was published when it was made.
func TestRingIsSafeForConcurrentUse(t *testing.T) {
	ring := keyring.New(time.Now)
	set, err := keyring.NewSet("ES256", 0, 0, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ring.Put("a", set)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				_, kid, err := ring.Sign("a", "JWT", []byte("x"))
				if _, ok := ring.Public(kid); err != nil || !ok {
					t.Errorf("signed with %s, which is published: %t, %v", kid, ok, err)
				}
				ring.Published()
				ring.Names()
			}
		})
	}
	for range 20 {
		if set, _, err = set.Rotated(time.Now()); err != nil {
			t.Fatal(err)
		}
		ring.Put("a", set)
	}
	wg.Wait()
}
