package evidence_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/evidence"
)

// issuer adds up reports, each once, and loses some answers.
type issuer struct {
	mu     sync.Mutex
	calls  int
	taken  map[string]bool
	totals map[string]evidence.Count
}

func (i *issuer) Report(_ context.Context, id string, counts []evidence.Count) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.calls++
	if !i.taken[id] {
		i.taken[id] = true
		for _, c := range counts {
			sum := i.totals[c.Contract+"/"+c.Caller]
			sum.Accepted += c.Accepted
			sum.Refused += c.Refused
			for s, n := range c.Scopes {
				if sum.Scopes == nil {
					sum.Scopes = map[string]int64{}
				}
				sum.Scopes[s] += n
			}
			i.totals[c.Contract+"/"+c.Caller] = sum
		}
	}
	if i.calls%3 == 1 {
		return errors.New("the answer was lost")
	}
	return nil
}

// However often answers are lost, each request counts once.
func TestEachRequestCountsOnce(t *testing.T) {
	to := &issuer{taken: map[string]bool{}, totals: map[string]evidence.Count{}}
	var c evidence.Counter
	ctx, stop := context.WithCancel(t.Context())
	var running, counting sync.WaitGroup
	running.Go(func() { c.Run(ctx, to, time.Millisecond, func(error) {}) })
	for range 4 {
		counting.Go(func() {
			for i := range 5000 {
				c.Accepted("orders", fmt.Sprint("e", i%3), []string{"read", fmt.Sprint("s", i%2)})
				c.Refused("orders", "e0")
			}
		})
	}
	counting.Wait()
	stop()
	running.Wait()
	for c.Flush(t.Context(), to) != nil {
	}
	accepted, scoped := int64(0), int64(0)
	for _, sum := range to.totals {
		accepted += sum.Accepted
		scoped += sum.Scopes["s0"] + sum.Scopes["s1"]
		if sum.Scopes["read"] != sum.Accepted {
			t.Errorf("%+v", sum)
		}
	}
	if accepted != 20_000 || scoped != 20_000 || to.totals["orders/e0"].Refused != 20_000 || c.Callers() != 0 || c.Lost() != 0 {
		t.Errorf("%d accepted, %d by scope, %+v", accepted, scoped, to.totals)
	}
}

func TestBounds(t *testing.T) {
	var c evidence.Counter
	for i := range 30_000 {
		c.Refused("orders", fmt.Sprint(i))
		c.Accepted("orders", "0", []string{fmt.Sprint(i)})
	}
	c.Accepted("", "svid", nil)
	if c.Callers() != 10_000 || c.Lost() != 20_001 {
		t.Errorf("%d callers, %d lost", c.Callers(), c.Lost())
	}
	_ = c.Flush(t.Context(), reporter(func(counts []evidence.Count) {
		for _, n := range counts {
			if len(n.Scopes) > 100 {
				t.Errorf("%d scopes", len(n.Scopes))
			}
		}
	}))
}

type reporter func([]evidence.Count)

func (r reporter) Report(_ context.Context, _ string, counts []evidence.Count) error {
	r(counts)
	return nil
}
