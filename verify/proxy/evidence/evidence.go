// Package evidence counts what callers did with their credentials, for the
// issuer to decide by: contracts ramp up on requests accepted, and down on
// requests refused.
package evidence

import (
	"context"
	"crypto/rand"
	"maps"
	"sync"
	"time"
)

const (
	maxCallers = 10_000 // pairs of contract and caller between reports
	maxScopes  = 100    // per pair
)

// Count is what one caller did under one contract since the last report.
type Count struct {
	Contract string // name
	Caller   string // entity ID
	Accepted int64
	Refused  int64            // for what this caller asked, not for what befell it
	Scopes   map[string]int64 // accepted requests that needed the scope
}

// A Reporter hands counts on. After an error the same counts come again with
// the same id: what was taken already must not count twice.
type Reporter interface {
	Report(ctx context.Context, id string, counts []Count) error
}

// Counter collects counts. It is safe for concurrent use.
type Counter struct {
	mu      sync.Mutex
	counts  map[key]*Count
	lost    uint64
	unsent  *report // that the reporter did not take yet
	sending sync.Mutex
}

type key struct{ contract, caller string }

type report struct {
	id     string
	counts []Count
}

// Accepted counts a request that was accepted for scopes.
func (c *Counter) Accepted(contract, caller string, scopes []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.of(contract, caller)
	if n == nil {
		return
	}
	n.Accepted++
	for _, s := range scopes {
		if _, known := n.Scopes[s]; known || len(n.Scopes) < maxScopes {
			n.Scopes[s]++
		}
	}
}

// Refused counts a request that was refused for what the caller asked.
func (c *Counter) Refused(contract, caller string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.of(contract, caller); n != nil {
		n.Refused++
	}
}

// of is nil, and a count lost, when there are too many callers.
func (c *Counter) of(contract, caller string) *Count {
	k := key{contract, caller}
	n := c.counts[k]
	switch {
	case n != nil:
		return n
	case contract == "", len(c.counts) >= maxCallers: // JWT-SVIDs do not name their contract
		c.lost++
		return nil
	case c.counts == nil:
		c.counts = make(map[key]*Count)
	}
	n = &Count{Contract: contract, Caller: caller, Scopes: make(map[string]int64)}
	c.counts[k] = n
	return n
}

// Callers is how many pairs of contract and caller wait to be reported.
func (c *Counter) Callers() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.counts)
}

// Lost is how many requests were not counted: of tokens that do not name
// their contract, or because there were too many callers.
func (c *Counter) Lost() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost
}

// Flush reports what was counted. What an earlier report left goes first.
func (c *Counter) Flush(ctx context.Context, to Reporter) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	for range 2 { // what an earlier one left, and what is new
		if c.unsent == nil {
			c.unsent = c.take()
		}
		if c.unsent == nil {
			return nil
		}
		if err := to.Report(ctx, c.unsent.id, c.unsent.counts); err != nil {
			return err
		}
		c.unsent = nil
	}
	return nil
}

func (c *Counter) take() *report {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.counts) == 0 {
		return nil
	}
	r := &report{id: rand.Text()}
	for n := range maps.Values(c.counts) {
		r.counts = append(r.counts, *n)
	}
	c.counts = nil
	return r
}

// Run flushes every so often until ctx ends, and once more then, for at most
// five seconds. OnError is told what went wrong; the counts are kept.
func (c *Counter) Run(ctx context.Context, to Reporter, every time.Duration, onError func(error)) {
	flush := func(ctx context.Context) {
		if err := c.Flush(ctx, to); err != nil {
			onError(err)
		}
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			flush(ctx)
		case <-ctx.Done():
			last, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer stop()
			flush(last)
			return
		}
	}
}
