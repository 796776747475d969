package backend

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/keyring"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
)

// name is the pattern of names: what Vault users expect of them.
func name() string { return framework.GenericNameRegex("name") }

type keyTerms struct {
	Algorithm       string       `json:"algorithm" doc:"Signature algorithm: ES256, RS256, ES384 or Ed25519. Default: ES256. While contracts use the key, a change takes effect with the next rotation."`
	RotationPeriod  ramp.Seconds `json:"rotation_period" doc:"Age at which the signing key is rotated; 0 for never. Checked once a minute. Default: 720h."`
	ActivationDelay ramp.Seconds `json:"activation_delay" doc:"How long a key is published before it may sign. Give it the longest time verifiers cache the JWKS. Default: 5m."`
}

type keyRequest struct {
	endpoint.Named
	keyTerms
}

type keyResponse struct {
	keyTerms
	Keys []keyVersion `json:"keys" doc:"Published keys, oldest first: kid, algorithm, state (retired, current, scheduled, next), published_at, activates_at."`
}

type keyVersion struct {
	KeyID       string `json:"kid"`
	Algorithm   string `json:"algorithm"`
	State       string `json:"state"`
	PublishedAt string `json:"published_at"`
	ActivatesAt string `json:"activates_at,omitempty"`
}

func (b *backend) pathKeys() endpoint.Path {
	return endpoint.Path{
		Pattern: "keys/?", Suffix: "keys", Synopsis: "List the signing key sets.",
		Help: "keys/default exists from the first write of config on. It also signs the feed and the status lists.",
		List: endpoint.Handle("List the signing key sets.", func(context.Context, *endpoint.Call, *endpoint.None) (*endpoint.Keys, error) {
			return &endpoint.Keys{Keys: b.keys.Names()}, nil
		}),
	}
}

func (b *backend) pathKey() endpoint.Path {
	return endpoint.Path{
		Pattern:  "keys/" + name(),
		Suffix:   "key",
		Synopsis: "Manage a set of signing keys.",
		Help:     "A key is published before it signs, and stays published until the last token it signed has expired. Private keys never leave by any path.",
		Exists:   b.keyExists,
		Read:     endpoint.Handle("Read a set of signing keys; public facts only.", b.readKey),
		Write:    endpoint.Handle("Create a set of signing keys or change its settings.", b.writeKey),
		Delete:   endpoint.Handle("Delete a set of signing keys that no contract uses.", b.deleteKey),
	}
}

func (b *backend) readKey(_ context.Context, _ *endpoint.Call, req *endpoint.Named) (*keyResponse, error) {
	set := b.keys.Set(req.Name)
	if set == nil {
		return nil, nil
	}
	resp := &keyResponse{keyTerms: keyTerms{set.Algorithm, set.RotationPeriod, set.ActivationDelay}}
	for i, v := range set.Versions {
		resp.Keys = append(resp.Keys, keyVersion{v.KeyID, v.Algorithm, set.State(i, b.now()), stamp(v.PublishedAt), stamp(v.ActivatesAt)})
	}
	return resp, nil
}

func (b *backend) writeKey(ctx context.Context, call *endpoint.Call, req *keyRequest) (*endpoint.Nothing, error) {
	b.keysMu.Lock()
	defer b.keysMu.Unlock()
	set := b.keys.Set(req.Name)
	terms := keyTerms{defaultAlgorithm, defaultRotationPeriod, defaultActivationDelay}
	if set != nil {
		terms = keyTerms{set.Algorithm, set.RotationPeriod, set.ActivationDelay}
	}
	if err := call.Merge(&terms); err != nil {
		return nil, err
	}
	if !slices.Contains(keyring.Algorithms, terms.Algorithm) {
		return nil, endpoint.BadRequest("algorithm %.40q is unknown; use one of %s", terms.Algorithm, strings.Join(keyring.Algorithms, ", "))
	}
	if terms.RotationPeriod < 0 || terms.ActivationDelay < 0 {
		return nil, endpoint.BadRequest("rotation_period and activation_delay may not be negative")
	}
	var err error
	switch {
	case set == nil:
		set, err = keyring.NewSet(terms.Algorithm, terms.RotationPeriod, terms.ActivationDelay, b.now())
	case terms.Algorithm != set.Algorithm:
		set, err = b.switchAlgorithm(ctx, call, req.Name, set.Tuned(terms.RotationPeriod, terms.ActivationDelay), terms.Algorithm)
	default:
		set = set.Tuned(terms.RotationPeriod, terms.ActivationDelay)
	}
	if err != nil {
		return nil, err
	}
	return nil, b.changeKeys(ctx, call.Storage, kindKeyWrite, req.Name, set)
}

// switchAlgorithm gives a key set that nobody uses new keys at once, and one
// in use a next key that verifiers get to know before it signs.
func (b *backend) switchAlgorithm(ctx context.Context, call *endpoint.Call, key string, set *keyring.Set, algorithm string) (*keyring.Set, error) {
	contracts, err := b.users(ctx, call.Storage, "key", key)
	switch {
	case err != nil:
		return nil, err
	case len(contracts) == 0:
		replaced, err := set.Replaced(algorithm, b.now())
		if err != nil {
			return nil, endpoint.BadRequest("key %q: %v", key, err)
		}
		return replaced, nil
	case algorithm == "Ed25519":
		return nil, inUse("key", key, contracts) // one of them could be for JWT-SVIDs
	}
	call.Warn("the signing key keeps its algorithm until it is rotated: vault write -f <mount>/keys/%s/rotate", key)
	return set.Switched(algorithm, b.now())
}

func (b *backend) deleteKey(ctx context.Context, call *endpoint.Call, req *endpoint.Named) (*endpoint.Nothing, error) {
	b.keysMu.Lock()
	defer b.keysMu.Unlock()
	contracts, err := b.users(ctx, call.Storage, "key", req.Name)
	switch {
	case err != nil:
		return nil, err
	case len(contracts) > 0:
		return nil, inUse("key", req.Name, contracts)
	case req.Name == defaultKey:
		return nil, endpoint.BadRequest("key %q signs the feed and the status lists and cannot be deleted; rotate or revoke it", defaultKey)
	case b.keys.Set(req.Name) == nil:
		return nil, nil
	}
	return nil, b.changeKeys(ctx, call.Storage, kindKeyDelete, req.Name, nil)
}

type rotateResponse struct {
	KeyID       string `json:"kid" doc:"Key that signs from activates_at on."`
	ActivatesAt string `json:"activates_at" doc:"RFC 3339 time from which the key signs: now, or when it has been published for the activation delay."`
	NextKeyID   string `json:"next_kid" doc:"Key published now for the rotation after this."`
}

func (b *backend) pathKeyRotate() endpoint.Path {
	return endpoint.Path{
		Pattern: "keys/" + name() + "/rotate", Suffix: "key", Verb: "rotate",
		Synopsis: "Rotate a signing key without a gap.",
		Help:     "The next key, which verifiers know already, starts to sign; a new next key is published; the old one stays published until its last token has expired.",
		Write: endpoint.Handle("Rotate a signing key.", func(ctx context.Context, call *endpoint.Call, req *endpoint.Named) (*rotateResponse, error) {
			b.keysMu.Lock()
			defer b.keysMu.Unlock()
			if b.keys.Set(req.Name) == nil {
				return nil, endpoint.NotFound("there is no key %q", req.Name)
			}
			promoted, err := b.rotate(ctx, call.Storage, req.Name)
			if err != nil {
				return nil, err
			}
			return &rotateResponse{promoted.KeyID, promoted.ActivatesAt.UTC().Format(time.RFC3339Nano), b.keys.Set(req.Name).Next().KeyID}, nil
		}),
	}
}

type keyRevokeRequest struct {
	endpoint.Named
	KeyID string `json:"kid" doc:"Key that is compromised. Required."`
}

func (b *backend) pathKeyRevoke() endpoint.Path {
	return endpoint.Path{
		Pattern: "keys/" + name() + "/revoke", Suffix: "key", Verb: "revoke",
		Synopsis: "Declare a key compromised.",
		Help:     "The key leaves the JWKS at once, everything it signed is dead, the feed says so, and its successor signs from now on.",
		Write:    endpoint.Handle("Declare a key compromised.", b.revokeKey),
	}
}

func (b *backend) revokeKey(ctx context.Context, call *endpoint.Call, req *keyRevokeRequest) (*endpoint.Nothing, error) {
	b.keysMu.Lock()
	defer b.keysMu.Unlock()
	set := b.keys.Set(req.Name)
	switch {
	case req.KeyID == "":
		return nil, endpoint.BadRequest("kid is required: read keys/%s to see the keys", req.Name)
	case set == nil:
		return nil, endpoint.NotFound("there is no key %q", req.Name)
	}
	dead, err := b.kills.state(ctx, call.Storage)
	if err != nil {
		return nil, err
	}
	if dead.Dead(revocation.Credential{KeyID: req.KeyID}, b.now().Unix()) == "" {
		if !slices.ContainsFunc(set.Versions, func(v *keyring.Version) bool { return v.KeyID == req.KeyID }) {
			return nil, endpoint.BadRequest("key %q has no kid %.80q; read keys/%s to see the keys", req.Name, req.KeyID, req.Name)
		}
		if err := b.tell(ctx, &event{kind: kindKeyRevoke, key: req.Name, keyID: req.KeyID}); err != nil {
			return nil, err
		}
	}
	if err := b.kill(ctx, call.Storage, revocation.Event{Type: revocation.EventKey, KeyID: req.KeyID, Until: b.until()}); err != nil {
		return nil, err
	}
	if without, err := set.Without(req.KeyID, b.now()); err == nil {
		return nil, b.storeKeys(ctx, call.Storage, req.Name, without)
	}
	return nil, nil // revoked before
}

func (b *backend) keyExists(_ context.Context, _ logical.Storage, name string) (bool, error) {
	return b.keys.Set(name) != nil, nil
}
