package e2e_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/hashicorp/vault/api"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// Twenty clients mint while the key rotates every two seconds. A verifier that fetches the keys every five seconds,
// and never because it met one it does not know, can verify every token from the moment it is issued to its last
// second, and with it the feed and the status lists, also one that never changes; meanwhile keys come and go.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	const (
		run     = 26 * time.Second
		rotates = 2 * time.Second
		fetches = 5 * time.Second
		delay   = "8s"  // of a key's activation: the verifier is never late by the difference, even on a busy machine
		life    = "10s" // of a token; keys retired for longer disappear
	)
	s := vaulttest.Start(t)
	s.Mount("ramp")
	r := rigOn(s)
	r.write(t, "config", fields{"issuer": r.Addr + issuerPath, "max_ttl": life})
	r.write(t, "keys/default", fields{"activation_delay": delay})
	r.service(t, "payments", fields{"max_ttl": life})
	r.contract(t, "orders-to-payments", fields{"ttl": life})
	quiet := "ramp/status/" + r.contract(t, "quiet", fields{"ttl": life}) + "/0"

	callers := r.callers(20)
	h := graze(t, len(callers), func(i int) (creds, error) { return r.tryMint(callers[i], "orders-to-payments", nil) }, nil)
	h.grow(t, 1)
	first := h.minted()[0]

	v := &slowVerifier{}
	v.fetch(t, r)
	start := time.Now()
	rotated, fetched := start, start
	for time.Since(start) < run && !t.Failed() {
		v.verify(t, h.minted())
		for _, path := range []string{"ramp/feed", "ramp/status/" + first.contractID() + "/0", quiet} {
			body, _ := r.public(t, path)
			v.open(t, string(body))
		}
		if time.Since(fetched) >= fetches {
			fetched = time.Now()
			v.fetch(t, r)
		}
		if time.Since(rotated) >= rotates {
			rotated = time.Now()
			r.write(t, "keys/default/rotate", nil)
		}
		time.Sleep(100 * time.Millisecond)
	}
	h.rest()

	for _, err := range h.failures {
		t.Error(err)
	}
	wantDistinct(t, h.held)
	var signed []string
	for _, c := range h.held {
		if !slices.Contains(signed, c.KeyID) {
			signed = append(signed, c.KeyID)
		}
	}
	v.fetch(t, r)
	gone := slices.DeleteFunc(slices.Clone(signed), func(kid string) bool { return len(v.keys.Key(kid)) > 0 })
	t.Logf("%d tokens, %d keys signed, %d of those are published no more", len(h.held), len(signed), len(gone))
	if len(signed) < 6 || len(gone) < 2 || !slices.Contains(gone, first.KeyID) {
		t.Errorf("keys that signed: %v, that are published no more: %v", signed, gone)
	}
}

// callers logs orders in n times.
func (r *rig) callers(n int) []*api.Client {
	var list []*api.Client
	for range n {
		list = append(list, r.AppRole("orders", "caller").Client)
	}
	return list
}

// slowVerifier knows the keys that it fetched last.
type slowVerifier struct {
	keys jose.JSONWebKeySet
	seen int // tokens whose signature was verified
}

func (v *slowVerifier) fetch(t *testing.T, r *rig) {
	t.Helper()
	body, _ := r.public(t, "ramp/.well-known/jwks.json")
	v.keys = jose.JSONWebKeySet{}
	if err := json.Unmarshal(body, &v.keys); err != nil {
		t.Fatal(err)
	}
}

// verify checks the signatures of tokens it has not seen, and that it still has the keys of all that are alive.
func (v *slowVerifier) verify(t *testing.T, tokens []creds) {
	t.Helper()
	for _, c := range tokens[v.seen:] {
		v.open(t, c.Token)
	}
	v.seen = len(tokens)
	now := time.Now().Unix()
	for _, c := range tokens {
		if now < c.Expiry && len(v.keys.Key(c.KeyID)) == 0 {
			t.Errorf("%s expires in %ds, its key %s is published no more", c.ID, c.Expiry-now, c.KeyID)
		}
	}
}

func (v *slowVerifier) open(t *testing.T, raw string) {
	t.Helper()
	jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	header := jws.Signatures[0].Header
	if _, err := jws.Verify(v.keys); err != nil {
		t.Errorf("%v signed with %s: %v", header.ExtraHeaders[jose.HeaderType], header.KeyID, err)
	}
}
