package backend

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

// suspensions are the callers that were suspended, all of them in memory.
type suspensions struct {
	mu   sync.RWMutex
	list map[string]suspension // by entity ID
}

type suspension struct {
	Suspended bool `json:"suspended"`
	// Before is a NumericDate: everything issued earlier is dead, and what
	// is issued after a resume says it was issued then or later.
	Before int64 `json:"before"`
}

func (b *backend) loadSuspensions(ctx context.Context, s logical.Storage) error {
	b.suspensions.mu.Lock()
	defer b.suspensions.mu.Unlock()
	entities, err := list(ctx, s, suspensionsPrefix)
	if err != nil {
		return err
	}
	loaded := make(map[string]suspension, len(entities))
	for _, entity := range entities {
		v, err := get[suspension](ctx, s, suspensionsPrefix+entity)
		if err != nil {
			return err
		}
		if v != nil {
			loaded[entity] = *v
		}
	}
	b.suspensions.list = loaded
	return nil
}

func (x *suspensions) of(entity string) suspension {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.list[entity]
}

// suspendCaller stops one identity everywhere and kills what it holds.
func (b *backend) suspendCaller(ctx context.Context, s logical.Storage, entity string) error {
	x := &b.suspensions
	x.mu.Lock()
	defer x.mu.Unlock()
	last := x.list[entity]
	v := suspension{Suspended: true, Before: max(b.now().Unix()+1, last.Before)}
	if !last.Suspended && v.Before == last.Before {
		v.Before++ // what was issued since the resume says it was issued then
	}
	if err := b.tell(ctx, &event{kind: kindCallerSuspend, caller: entity}); err != nil {
		return err
	}
	if err := put(ctx, s, suspensionsPrefix+entity, v); err != nil {
		return err
	}
	x.list[entity] = v
	return b.kill(ctx, s, revocation.Event{Type: revocation.EventCaller, Caller: token.CallerHash(entity), Before: v.Before, Until: b.until()})
}

func (b *backend) resumeCaller(ctx context.Context, s logical.Storage, entity string) error {
	x := &b.suspensions
	x.mu.Lock()
	defer x.mu.Unlock()
	v, ok := x.list[entity]
	if !ok || !v.Suspended {
		return nil
	}
	if err := b.tell(ctx, &event{kind: kindCallerResume, caller: entity}); err != nil {
		return err
	}
	v.Suspended = false
	if err := put(ctx, s, suspensionsPrefix+entity, v); err != nil {
		return err
	}
	x.list[entity] = v
	return nil
}

// forgetResumed drops callers that were resumed a while ago.
func (b *backend) forgetResumed(ctx context.Context, s logical.Storage) error {
	x := &b.suspensions
	x.mu.Lock()
	defer x.mu.Unlock()
	past := b.now().Add(-time.Minute).Unix()
	for entity, v := range x.list {
		if !v.Suspended && v.Before < past {
			if err := s.Delete(ctx, suspensionsPrefix+entity); err != nil {
				return err
			}
			delete(x.list, entity)
		}
	}
	return nil
}
