package backend

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

// kills is what died and has not expired yet: in memory as verifiers have it,
// in storage as kills/<what> (an event each) and status/<contract id>/<n> (the
// revoked serials of a status list). It is loaded when first needed.
type kills struct {
	mu     sync.Mutex
	dead   atomic.Pointer[revocation.State]
	chunks sync.Map // status/… key → *commit
	// sweep is held for writing while something expired is dropped, and fresh
	// has the storage keys written since sweeping began: what dies meanwhile
	// is not dropped with it.
	sweep sync.RWMutex
	fresh sync.Map
}

func (k *kills) forget() {
	k.mu.Lock() // after a load that is under way: it may have read the past
	defer k.mu.Unlock()
	k.dead.Store(nil)
}

// state returns what is dead, from storage the first time.
func (k *kills) state(ctx context.Context, s logical.Storage) (*revocation.State, error) {
	if st := k.dead.Load(); st != nil {
		return st, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if st := k.dead.Load(); st != nil {
		return st, nil
	}
	st := &revocation.State{}
	names, err := list(ctx, s, killsPrefix)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		e, err := get[revocation.Event](ctx, s, killsPrefix+name)
		if err != nil {
			return nil, err
		}
		if e != nil {
			if _, err := st.Add(*e); err != nil {
				return nil, err
			}
		}
	}
	contracts, err := list(ctx, s, statusPrefix)
	if err != nil {
		return nil, err
	}
	for _, id := range contracts {
		lists, err := list(ctx, s, statusPrefix+id)
		if err != nil {
			return nil, err
		}
		for _, n := range lists {
			c, err := get[revocation.Chunk](ctx, s, statusPrefix+id+n)
			if err != nil {
				return nil, err
			}
			if c != nil {
				if err := st.AddChunk(*c); err != nil {
					return nil, err
				}
			}
		}
	}
	k.dead.Store(st)
	return st, nil
}

// kill makes deaths durable and tells the feed. When it returns without error
// they cannot be undone. Repeating it is harmless.
func (b *backend) kill(ctx context.Context, s logical.Storage, events ...revocation.Event) error {
	st, err := b.kills.state(ctx, s)
	if err != nil {
		return err
	}
	if err := b.feed.ensure(ctx, s); err != nil {
		return err
	}
	_ = b.loadAccounts(ctx, s) // what dies is counted, but never waits for an account that cannot be read
	b.kills.sweep.RLock()
	defer b.kills.sweep.RUnlock()
	for _, e := range events {
		if err := b.kills.write(ctx, s, st, e); err != nil {
			return err
		}
		b.lists.changed(e)
		b.feed.publish(e)
		b.died(e)
	}
	return nil
}

func (k *kills) write(ctx context.Context, s logical.Storage, st *revocation.State, e revocation.Event) error {
	k.fresh.Store(killKey(e), true)
	if e.Type == revocation.EventSerial {
		return k.writeList(ctx, s, st, e)
	}
	if err := put(ctx, s, killKey(e), e); err != nil {
		return err
	}
	_, err := st.Add(e)
	return err
}

func killKey(e revocation.Event) string {
	switch {
	case e.Type == revocation.EventSerial:
		return listKey(e.Contract, e.Serial/revocation.ListSize)
	case e.Type == revocation.EventKey:
		return killsPrefix + "key." + e.KeyID
	case e.Type == revocation.EventCaller:
		return killsPrefix + "caller." + e.Caller
	case e.Caller != "":
		return killsPrefix + "floor." + e.Contract + "." + e.Caller
	}
	if e.From != 0 {
		return fmt.Sprintf("%sfloor.%s.at.%d", killsPrefix, e.Contract, e.From)
	}
	return killsPrefix + "floor." + e.Contract
}

func listKey(contract string, n uint64) string {
	return fmt.Sprintf("%s%s/%d", statusPrefix, contract, n)
}

// killSerial kills one credential, and tells it when that was alive. One that
// its status list calls dead already, or that has expired, costs no write.
func (b *backend) killSerial(ctx context.Context, s logical.Storage, c revocation.Credential, expiry int64, told *event) error {
	now := b.now().Unix()
	if expiry <= now {
		return nil
	}
	st, err := b.kills.state(ctx, s)
	if err != nil {
		return err
	}
	if st.Listed(c.Contract, c.Serial, now) {
		return nil
	}
	if st.Dead(c, now) == "" {
		told.expiry = time.Unix(endOf(st, c, expiry), 0)
		if err := b.tell(ctx, told); err != nil {
			return err
		}
	}
	return b.kill(ctx, s, revocation.Event{Type: revocation.EventSerial, Contract: c.Contract, Serial: c.Serial, Until: expiry + int64(clockMargin/time.Second)})
}

// endOf is when a credential ends if nothing kills it (NumericDate): a deploy
// may have planned its end.
func endOf(st *revocation.State, c revocation.Credential, expiry int64) int64 {
	if planned := st.Ends(c.Contract, c.Serial); planned != 0 {
		return min(expiry, planned)
	}
	return expiry
}

// clockMargin is for how long what died is remembered after it has expired,
// for verifiers whose clocks are behind.
const clockMargin = time.Hour

// until is when everything that has been issued by now may be forgotten
// (NumericDate).
func (b *backend) until() int64 {
	return b.config.Load().horizon(b.now()).Add(clockMargin).Unix()
}

// forgetKills drops from memory and storage what killed nothing but
// credentials that have expired.
func (b *backend) forgetKills(ctx context.Context, s logical.Storage) error {
	st, err := b.kills.state(ctx, s)
	if err != nil {
		return err
	}
	b.kills.sweep.Lock()
	b.kills.fresh.Clear()
	gone := st.Forget(b.now().Unix())
	b.kills.sweep.Unlock()
	var keys []string
	for _, c := range gone.Chunks {
		keys = append(keys, listKey(c.Contract, c.N))
	}
	for _, e := range gone.Callers {
		if e.Contract == "" {
			e.Type = revocation.EventCaller
		}
		keys = append(keys, killKey(e))
	}
	for _, kid := range gone.Keys {
		keys = append(keys, killsPrefix+"key."+kid)
	}
	for _, e := range gone.Floors {
		keys = append(keys, killKey(e))
	}
	for _, key := range keys {
		if err := b.kills.drop(ctx, s, key); err != nil {
			return err
		}
	}
	return nil
}

// drop deletes what was forgotten, unless it is needed again.
func (k *kills) drop(ctx context.Context, s logical.Storage, key string) error {
	k.sweep.Lock()
	defer k.sweep.Unlock()
	if _, again := k.fresh.Load(key); again {
		return nil
	}
	k.chunks.Delete(key)
	return s.Delete(ctx, key)
}

// credential is how the feed and the status lists know a lease.
func (l *lease) credential() revocation.Credential {
	return revocation.Credential{Contract: l.ContractID, Serial: l.Serial, Caller: token.CallerHash(l.EntityID), IssuedAt: l.IssuedAt, KeyID: l.KeyID}
}
