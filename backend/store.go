package backend

import (
	"context"
	"fmt"
	"sync"

	"github.com/hashicorp/vault/sdk/logical"
)

// Storage prefixes. What lies below each is said where it is used.
const (
	schemaKey         = "schema"
	configKey         = "config"
	keysPrefix        = "keys/" // seal-wrapped
	bundleKey         = "bundle"
	servicesPrefix    = "services/"
	rolesPrefix       = "roles/"
	statePrefix       = "state/"
	suspensionsPrefix = "suspensions/"
	callersPrefix     = "callers/"
	consentsPrefix    = "consents/"
	evidencePrefix    = "evidence/"
	usesPrefix        = "uses/"
	statusPrefix      = "status/"
	killsPrefix       = "kills/"
	feedKey           = "feed"
	ledgerPrefix      = "ledger/"
	accountsPrefix    = "accounts/"
)

// get reads a JSON entry, nil when there is none.
func get[T any](ctx context.Context, s logical.Storage, key string) (*T, error) {
	entry, err := s.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	if entry == nil {
		return nil, nil
	}
	v := new(T)
	if err := entry.DecodeJSON(v); err != nil {
		return nil, fmt.Errorf("decode %s: %w", key, err)
	}
	return v, nil
}

func put(ctx context.Context, s logical.Storage, key string, v any) error {
	entry, err := logical.StorageEntryJSON(key, v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", key, err)
	}
	if err := s.Put(ctx, entry); err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return nil
}

func list(ctx context.Context, s logical.Storage, prefix string) ([]string, error) {
	names, err := s.List(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", prefix, err)
	}
	return names, nil
}

// shelf holds the loaded things of one kind by name. Each has a lock of its
// own: readers hold it while they rely on the thing, writers while they change
// storage and memory together.
type shelf[T any] struct {
	load func(ctx context.Context, s logical.Storage, name string) (*T, error)

	mu    sync.Mutex
	slots map[string]*slot[T]
}

type slot[T any] struct {
	mu     sync.RWMutex
	value  *T // nil: there is no such thing
	loaded bool
	gone   bool // no longer on the shelf: look again
}

// read returns the thing with its lock held for reading, nil and no lock when
// there is none. Whoever gets a thing calls the returned function when done.
func (sh *shelf[T]) read(ctx context.Context, s logical.Storage, name string) (*T, func(), error) {
	for {
		sl := sh.slot(name)
		sl.mu.RLock()
		switch {
		case sl.gone:
		case sl.loaded && sl.value != nil:
			return sl.value, sl.mu.RUnlock, nil
		case sl.loaded:
			sl.mu.RUnlock()
			return nil, func() {}, nil
		}
		sl.mu.RUnlock()
		_, done, err := sh.write(ctx, s, name)
		if err != nil {
			return nil, func() {}, err
		}
		if done() {
			return nil, func() {}, nil
		}
	}
}

// write returns the slot of a thing with its lock held for writing. The
// returned function gives it back and reports whether the thing is not there.
// Who does not know what is stored, because a write failed, sets value to nil:
// the next one reads it again.
func (sh *shelf[T]) write(ctx context.Context, s logical.Storage, name string) (*slot[T], func() (absent bool), error) {
	for {
		sl := sh.slot(name)
		sl.mu.Lock()
		if sl.gone {
			sl.mu.Unlock()
			continue
		}
		if !sl.loaded {
			if err := sh.fill(ctx, s, name, sl); err != nil {
				return nil, nil, err
			}
		}
		return sl, func() bool {
			absent := sl.value == nil
			if absent {
				sh.drop(name, sl) // so that made-up names leave nothing behind
			}
			sl.mu.Unlock()
			return absent
		}, nil
	}
}

// fill loads a slot, whose lock the caller holds for writing. One that cannot
// be loaded, be it for a panic, is given back and taken off the shelf.
func (sh *shelf[T]) fill(ctx context.Context, s logical.Storage, name string, sl *slot[T]) (err error) {
	defer func() {
		if !sl.loaded {
			sh.drop(name, sl)
			sl.mu.Unlock()
		}
	}()
	v, err := sh.load(ctx, s, name)
	if err == nil {
		sl.value, sl.loaded = v, true
	}
	return err
}

func (sh *shelf[T]) slot(name string) *slot[T] {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sl := sh.slots[name]
	if sl == nil {
		if sh.slots == nil {
			sh.slots = make(map[string]*slot[T])
		}
		sl = &slot[T]{}
		sh.slots[name] = sl
	}
	return sl
}

// drop takes a slot, whose lock the caller holds for writing, off the shelf.
func (sh *shelf[T]) drop(name string, sl *slot[T]) {
	sl.gone = true
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.slots[name] == sl {
		delete(sh.slots, name)
	}
}

// forget drops a thing that changed in storage behind our back.
func (sh *shelf[T]) forget(name string) {
	sl := sh.slot(name)
	sl.mu.Lock()
	defer sl.mu.Unlock()
	sh.drop(name, sl)
}

// forgetAll drops everything.
func (sh *shelf[T]) forgetAll() {
	for _, name := range sh.names() {
		sh.forget(name)
	}
}

// names of what is loaded.
func (sh *shelf[T]) names() []string {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	var names []string
	for name := range sh.slots {
		names = append(names, name)
	}
	return names
}
