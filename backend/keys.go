package backend

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/keyring"
)

const (
	defaultKey             = "default"
	defaultAlgorithm       = "ES256"
	defaultRotationPeriod  = 720 * 3600
	defaultActivationDelay = 5 * 60
)

// bundle counts the changes of the published keys, for SPIFFE's sequence.
type bundle struct {
	Sequence int64 `json:"sequence"`
}

func (b *backend) loadKeys(ctx context.Context, s logical.Storage) error {
	b.keysMu.Lock()
	defer b.keysMu.Unlock()
	names, err := list(ctx, s, keysPrefix)
	if err != nil {
		return err
	}
	sets := make(map[string]*keyring.Set, len(names))
	for _, name := range names {
		set, err := get[keyring.Set](ctx, s, keysPrefix+name)
		if err != nil {
			return err
		}
		if set == nil {
			continue
		}
		if err := keyring.Open(set); err != nil {
			return err
		}
		sets[name] = set
	}
	b.keys.Load(sets)
	return nil
}

// changeKeys tells of a change of a key set and makes it. Nil deletes it. The
// caller holds keysMu.
func (b *backend) changeKeys(ctx context.Context, s logical.Storage, kind eventKind, name string, set *keyring.Set) error {
	told := &event{kind: kind, key: name}
	if set != nil {
		told.keyID = set.Signs(b.now()).KeyID
	}
	if err := b.tell(ctx, told); err != nil {
		return err
	}
	return b.storeKeys(ctx, s, name, set)
}

// storeKeys makes a changed key set durable, then effective.
func (b *backend) storeKeys(ctx context.Context, s logical.Storage, name string, set *keyring.Set) error {
	was, err := get[bundle](ctx, s, bundleKey)
	if err != nil {
		return err
	}
	if was == nil {
		was = &bundle{}
	}
	if err := put(ctx, s, bundleKey, bundle{was.Sequence + 1}); err != nil {
		return err
	}
	if set == nil {
		err = s.Delete(ctx, keysPrefix+name)
	} else {
		err = put(ctx, s, keysPrefix+name, set)
	}
	if err != nil {
		b.essentials.forget()
		return err
	}
	b.keys.Put(name, set)
	b.lists.forgetAll() // one of them could be signed with a key that is published no more
	return nil
}

func (b *backend) ensureDefaultKeys(ctx context.Context, s logical.Storage) error {
	b.keysMu.Lock()
	defer b.keysMu.Unlock()
	if b.keys.Set(defaultKey) != nil {
		return nil
	}
	set, err := keyring.NewSet(defaultAlgorithm, defaultRotationPeriod, defaultActivationDelay, b.now())
	if err != nil {
		return err
	}
	return b.changeKeys(ctx, s, kindKeyWrite, defaultKey, set)
}

// rotate promotes the next key of a set. The caller holds keysMu.
func (b *backend) rotate(ctx context.Context, s logical.Storage, name string) (*keyring.Version, error) {
	set, _ := b.keys.Set(name).Pruned(b.now(), b.config.Load().horizon)
	set, promoted, err := set.Rotated(b.now())
	if err != nil {
		return nil, endpoint.BadRequest("key %q: %v", name, err)
	}
	return promoted, b.changeKeys(ctx, s, kindKeyRotate, name, set)
}

// tendKeys rotates what is due and drops retired keys that no live token needs.
func (b *backend) tendKeys(ctx context.Context, s logical.Storage) error {
	b.keysMu.Lock()
	defer b.keysMu.Unlock()
	var errs []error // of one set: the others are tended all the same
	for _, name := range b.keys.Names() {
		if b.keys.Set(name).Due(b.now()) {
			_, err := b.rotate(ctx, s, name)
			errs = append(errs, err)
		}
		if set, pruned := b.keys.Set(name).Pruned(b.now(), b.config.Load().horizon); pruned {
			errs = append(errs, b.changeKeys(ctx, s, kindKeyRetire, name, set))
		}
	}
	return errors.Join(errs...)
}

// users names the contracts that use a service or key, sorted. What a write
// that failed half-way left of others does not count.
func (b *backend) users(ctx context.Context, s logical.Storage, kind, name string) ([]string, error) {
	key := usesPrefix + kind + "/" + name + "/"
	names, err := list(ctx, s, key)
	if err != nil {
		return nil, err
	}
	var using []string
	for _, contract := range names {
		stored, err := get[storedContract](ctx, s, rolesPrefix+contract)
		if err != nil {
			return nil, err
		}
		if stored == nil {
			continue
		}
		c, err := b.compile(contract, stored.ID, stored.Terms)
		if err != nil || slices.Contains(c.uses(), key+contract) {
			using = append(using, contract)
		}
	}
	return using, nil
}

func inUse(what, name string, contracts []string) error {
	const most = 10
	shown := contracts[:min(len(contracts), most)]
	more := ""
	if len(contracts) > most {
		more = ", …"
	}
	return endpoint.BadRequest("%s %q is used by %d contracts: %s%s; delete or change those first", what, name, len(contracts), strings.Join(shown, ", "), more)
}

// stamp is a time as responses have it, "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
