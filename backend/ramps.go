package backend

import (
	"context"
	"reflect"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

// settled returns a caller's standing with its lock held, and with what time
// alone changed of it carried out: reaching the next stage, or falling for
// having been idle, which kills what the caller holds.
func (b *backend) settled(ctx context.Context, s logical.Storage, c *contract, entity string) (*standing, error) {
	x, err := b.lockStanding(ctx, s, c, entity)
	if err != nil || x.stored.Progress.Since.IsZero() {
		return x, err
	}
	if err := b.proceed(ctx, s, c, entity, x, c.Settled(x.stored.Progress, b.now())); err != nil {
		x.unlock()
		return nil, err
	}
	return x, nil
}

// active counts the caller's credentials that are alive at a time.
func (x *standing) active(dead *revocation.State, c *contract, entity string, at time.Time) uint64 {
	now, hash, n := at.Unix(), token.CallerHash(entity), uint64(0)
	for serial, l := range x.stored.Live {
		made := revocation.Credential{Contract: c.ID, Serial: serial, Caller: hash, IssuedAt: l.Issued, KeyID: l.KeyID}
		if l.Expiry > now && dead.Dead(made, now) == "" {
			n++
		}
	}
	return n
}

// proceed takes over a caller's progress. A change of stage is durable before
// it counts; a fall kills what the caller holds first. Counts are stored later:
// losing them can only keep a caller at a lower stage.
func (b *backend) proceed(ctx context.Context, s logical.Storage, c *contract, entity string, x *standing, to ramp.Progress) error {
	from := x.stored.Progress
	if from.Stage == to.Stage && from.Since.Equal(to.Since) {
		x.dirty = x.dirty || !reflect.DeepEqual(from, to)
		x.stored.Progress = to
		return nil
	}
	fell := c.Fell(from, to)
	if from.Stage != to.Stage || fell {
		told := c.about(kindStage)
		told.caller, told.from, told.stage, told.fell = entity, from.Stage, to.Stage, fell
		if err := b.tell(ctx, told); err != nil {
			return err
		}
	}
	if fell {
		if err := b.raiseCallerFloor(ctx, s, c, entity); err != nil {
			return err
		}
	}
	stored := x.stored
	stored.Progress = to
	return b.storeStanding(ctx, s, c, entity, x, stored)
}

func (b *backend) storeStanding(ctx context.Context, s logical.Storage, c *contract, entity string, x *standing, stored storedStanding) error {
	if err := put(ctx, s, standingKey(c.ID, entity), stored); err != nil {
		return err
	}
	x.stored, x.dirty = stored, false
	return nil
}

// holds records a credential the caller got, where the contract limits them.
func (b *backend) holds(ctx context.Context, s logical.Storage, c *contract, entity string, x *standing, serial uint64, made life) error {
	stored := x.stored
	stored.Live = map[uint64]life{serial: made}
	now := b.now().Unix()
	for old, l := range x.stored.Live {
		if l.Expiry > now {
			stored.Live[old] = l
		}
	}
	return b.storeStanding(ctx, s, c, entity, x, stored)
}

// released forgets a credential that died, so that the caller may have another.
func (b *backend) released(ctx context.Context, s logical.Storage, l *lease) error {
	c, done, err := b.contracts.read(ctx, s, l.Contract)
	defer done()
	if err != nil || c == nil || c.ID != l.ContractID || !c.LimitsActive() || l.Expiry < b.now().Unix() {
		return err
	}
	x, err := b.lockStanding(ctx, s, c, l.EntityID)
	if err != nil {
		return err
	}
	defer x.unlock()
	if _, ok := x.stored.Live[l.Serial]; !ok {
		return nil
	}
	stored := x.stored
	stored.Live = map[uint64]life{}
	for serial, other := range x.stored.Live {
		if serial != l.Serial {
			stored.Live[serial] = other
		}
	}
	return b.storeStanding(ctx, s, c, l.EntityID, x, stored)
}

// storeStandings stores the counts that changed since the last time.
func (b *backend) storeStandings(ctx context.Context, s logical.Storage) error {
	for _, name := range b.contracts.names() {
		c, done, err := b.contracts.read(ctx, s, name)
		if err == nil && c != nil {
			for entity, x := range c.standings.all() {
				x.mu.Lock()
				if x.dirty {
					err = b.storeStanding(ctx, s, c, entity, x, x.stored)
				}
				x.unlock()
				if err != nil {
					break
				}
			}
		}
		done()
		if err != nil {
			return err
		}
	}
	return nil
}
