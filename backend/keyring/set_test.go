package keyring_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/keyring"
)

func TestAlgorithmChanges(t *testing.T) {
	s := begin(t)
	s.rotate()
	next := s.set.Next().KeyID
	switched, err := s.set.Switched("RS256", s.now)
	if err != nil {
		t.Fatal(err)
	}
	if switched.Signs(s.now).Algorithm != "ES256" || switched.Next().Algorithm != "RS256" || switched.Next().KeyID == next || len(switched.Versions) != 3 {
		t.Error("a set in use keeps its key until the next rotation, which brings the new algorithm")
	}
	replaced, err := s.set.Replaced("ES384", s.now)
	if err != nil {
		t.Fatal(err)
	}
	if replaced.Signs(s.now).Algorithm != "ES384" || replaced.Next().Algorithm != "ES384" || replaced.RotationPeriod != 3600 || replaced.ActivationDelay != delay {
		t.Errorf("a set that nobody uses signs with the new algorithm at once: %+v", replaced)
	}
	s.set = replaced
	s.is("retired retired current next")
	if s.set.Versions[1].Algorithm != "ES256" {
		t.Error("keys that signed have to stay published")
	}
	for _, bad := range []string{"", "HS256", "none", "es256", "RSA"} {
		if _, err := keyring.NewSet(bad, 0, 0, s.now); err == nil {
			t.Errorf("algorithm %q passes", bad)
		}
		if _, err := s.set.Switched(bad, s.now); err == nil {
			t.Errorf("algorithm %q passes", bad)
		}
	}
}

// Replacing again and again, or rotating faster than tokens expire, must not
// grow what is stored without bound.
func TestSetsAreBounded(t *testing.T) {
	for name, change := range map[string]func(*keyring.Set, time.Time) (*keyring.Set, error){
		"rotate": func(s *keyring.Set, now time.Time) (*keyring.Set, error) {
			set, _, err := s.Rotated(now)
			return set, err
		},
		"replace": func(s *keyring.Set, now time.Time) (*keyring.Set, error) { return s.Replaced("ES256", now) },
	} {
		s := begin(t)
		var err error
		for range 100 {
			var set *keyring.Set
			if set, err = change(s.set, s.now); err != nil {
				break
			}
			s.set = set
		}
		if err == nil || !strings.Contains(err.Error(), "wait for those to expire") || len(s.set.Versions) > 65 {
			t.Errorf("%s: %d keys, %v", name, len(s.set.Versions), err)
		}
	}
}

func TestStorageRoundTrip(t *testing.T) {
	for _, algorithm := range keyring.Algorithms {
		set, err := keyring.NewSet(algorithm, 1, 2, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(set)
		if err != nil {
			t.Fatal(err)
		}
		var again keyring.Set
		if err := errors.Join(json.Unmarshal(text, &again), keyring.Open(&again)); err != nil {
			t.Fatal(err)
		}
		ring := keyring.New(time.Now)
		ring.Put("a", &again)
		jws, kid, err := ring.Sign("a", "JWT", []byte("hello"))
		if err != nil || kid != set.Versions[0].KeyID {
			t.Fatalf("%s: signed with %s, %v", algorithm, kid, err)
		}
		key, _ := ring.Public(kid)
		parsed, err := jose.ParseSignedCompact(jws, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(key.Algorithm)})
		if err != nil {
			t.Fatal(err)
		}
		payload, err := parsed.Verify(key)
		if h := parsed.Signatures[0].Header; err != nil || string(payload) != "hello" || h.KeyID != kid || h.ExtraHeaders["typ"] != "JWT" {
			t.Errorf("%s: %q %+v %v", algorithm, payload, h, err)
		}
		again.Versions[0].Private = again.Versions[0].Private[:9]
		if err := keyring.Open(&again); err == nil || !strings.Contains(err.Error(), "is damaged") {
			t.Errorf("%s: a damaged key opens: %v", algorithm, err)
		}
		set.Versions = set.Versions[:1]
		if err := keyring.Open(set); err == nil {
			t.Errorf("%s: a set without a next key opens", algorithm)
		}
	}
}
