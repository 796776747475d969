package backend

import (
	"context"
	"maps"
	"sync"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
)

// commit lets those who change the same status list share one write: whoever
// gets the lock writes for all who wait. Nobody sees a death before it is
// durable, so that no crash can take one back.
type commit struct {
	writing sync.Mutex

	mu      sync.Mutex
	tickets uint64
	waiting map[uint64]revocation.Event // by ticket
}

func (c *commit) join(e revocation.Event) (ticket uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		c.waiting = make(map[uint64]revocation.Event, 1)
	}
	c.tickets++
	c.waiting[c.tickets] = e
	return c.tickets
}

func (c *commit) leave(ticket uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, ticket)
}

func (c *commit) all() map[uint64]revocation.Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.waiting)
}

func (k *kills) writeList(ctx context.Context, s logical.Storage, st *revocation.State, e revocation.Event) error {
	n := e.Serial / revocation.ListSize
	v, _ := k.chunks.LoadOrStore(listKey(e.Contract, n), &commit{})
	c := v.(*commit)
	ticket := c.join(e)
	c.writing.Lock()
	defer c.writing.Unlock()
	defer c.leave(ticket)
	batch := c.all()
	if _, mine := batch[ticket]; !mine {
		return nil // written by somebody else
	}
	if err := put(ctx, s, listKey(e.Contract, n), st.ChunkWith(e.Contract, n, maps.Values(batch))); err != nil {
		return err
	}
	for ticket, e := range batch {
		if _, err := st.Add(e); err != nil {
			return err
		}
		c.leave(ticket)
	}
	return nil
}
