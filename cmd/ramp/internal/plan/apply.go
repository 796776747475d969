package plan

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/mount"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// Result is how far an apply came.
type Result struct {
	Done    int    // steps written, or found done by somebody else
	Waiting []Step // contracts that issue nothing before the service's team accepts them
}

// Apply takes the steps: services, then contracts, then deletes of contracts,
// then deletes of services; within each of these many at a time. Each write is
// compare-and-swap. It stops at the first error; what is done stays done, and a
// new plan has the rest.
func (p *Plan) Apply(ctx context.Context, m *mount.Mount, progress mount.Progress) (*Result, error) {
	if p.Mount != m.Address() {
		return nil, fmt.Errorf("the plan is for %s, this is %s", p.Mount, m.Address())
	}
	var mu sync.Mutex
	r := &Result{}
	for _, phase := range p.phases() {
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(mount.Parallel)
		for _, step := range phase {
			g.Go(func() error {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				waiting, err := step.take(ctx, m)
				if err != nil {
					return fmt.Errorf("%s %s %q: %w", step.Action, step.Kind, step.Name, err)
				}
				mu.Lock()
				defer mu.Unlock()
				r.Done++
				if waiting {
					r.Waiting = append(r.Waiting, *step)
				}
				progress(r.Done, len(p.Steps))
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (p *Plan) phases() [][]*Step {
	phases := make([][]*Step, 4)
	for i := range p.Steps {
		s := &p.Steps[i]
		n := 0
		if s.Kind == "contract" {
			n = 1
		}
		if s.Action == Delete {
			n = 3 - n
		}
		phases[n] = append(phases[n], s)
	}
	return phases
}

// take writes, and accepts that somebody else has written the same before.
func (s *Step) take(ctx context.Context, m *mount.Mount) (waiting bool, err error) {
	var state string
	switch {
	case s.Action == Delete && s.Kind == "contract":
		err = m.Delete(ctx, "roles/"+s.Name, s.Expected)
	case s.Action == Delete:
		err = m.Delete(ctx, "services/"+s.Name, s.Expected)
	case s.Service != nil:
		err = m.WriteService(ctx, s.Name, *s.Service, s.Expected)
	case s.Contract != nil:
		state, err = m.WriteContract(ctx, s.Name, *s.Contract, s.Expected)
	default:
		err = fmt.Errorf("the plan does not say what to write")
	}
	if mount.IsConflict(err) {
		if done, found := s.done(ctx, m); found == nil && done {
			return false, nil
		}
	}
	return state == "awaiting_consent", err
}

// done reports whether the mount is as the step leaves it.
func (s *Step) done(ctx context.Context, m *mount.Mount) (bool, error) {
	if s.Kind == "service" {
		svc, err := m.Service(ctx, s.Name)
		if err != nil || svc == nil || s.Service == nil {
			return svc == nil && s.Action == Delete, err
		}
		return len(compareServices(svc.ServiceTerms, *s.Service)) == 0, nil
	}
	c, err := m.Contract(ctx, s.Name)
	if err != nil || c == nil || s.Contract == nil {
		return c == nil && s.Action == Delete, err
	}
	return same(&c.Terms, s.Contract), nil
}

func same(a, b *ramp.Terms) bool { return len(compareContracts(a, b)) == 0 }
