package egress

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// keeper sees to it that there is a credential: it fetches one, renews it, and
// has the next ready before it ends. One goroutine does all of that, so nothing
// is asked for twice.
type keeper struct {
	source     Source
	bind       func() (*binding, error)
	onError    func(error)
	onRecovery func()

	state    atomic.Pointer[state] // only run changes it
	refusals *rate.Limiter         // how often an upstream may say that a credential is dead
	growth   *rate.Limiter         // how often it may say that one has too few scopes
	grow     chan struct{}         // to fetch another for that
	counts   counts
	retired  sync.WaitGroup
}

// state is what requests see: a credential, or why there is none, or neither
// while the first answer is awaited.
type state struct {
	held *held
	err  error
	over chan struct{} // closed when another state follows
}

func newKeeper(source Source, bind func() (*binding, error)) *keeper {
	k := &keeper{
		source: source, bind: bind, grow: make(chan struct{}, 1),
		refusals: rate.NewLimiter(rate.Every(5*time.Second), 3), growth: rate.NewLimiter(rate.Every(15*time.Second), 1),
	}
	k.state.Store(&state{over: make(chan struct{})})
	return k
}

func (k *keeper) set(h *held, err error) {
	close(k.state.Swap(&state{h, err, make(chan struct{})}).over)
}

// current returns a live credential, to be used until done, and waits when one
// is on its way.
func (k *keeper) current(ctx context.Context) (*held, error) {
	return k.await(ctx, (*held).use)
}

// replacement returns a credential to use instead of one that the upstream
// refused. An upstream that refuses all of them is not believed for long.
func (k *keeper) replacement(ctx context.Context, refused *held) (*held, error) {
	if k.state.Load().held == refused && !refused.refuse(k.refusals.Allow) {
		return nil, errors.New("the upstream refuses fresh credentials")
	}
	return k.await(ctx, func(h *held) bool { return h != refused && h.use() })
}

// outgrown notes that a request needed more than the credential allows: rights
// may have grown since it was fetched, and renewing does not add any.
func (k *keeper) outgrown() {
	if k.growth.Allow() {
		select {
		case k.grow <- struct{}{}:
		default:
		}
	}
}

func (k *keeper) await(ctx context.Context, good func(*held) bool) (*held, error) {
	s := k.state.Load()
	if s.held != nil && good(s.held) {
		return s.held, nil
	}
	ctx, stop := context.WithTimeoutCause(ctx, patience, errors.New("no answer yet"))
	defer stop()
	for {
		switch s = k.state.Load(); {
		case s.held != nil && good(s.held):
			return s.held, nil
		case s.err != nil:
			return nil, &NoCredential{s.err}
		}
		select {
		case <-s.over:
		case <-ctx.Done():
			return nil, &NoCredential{context.Cause(ctx)}
		}
	}
}

// run keeps until ctx ends, and then revokes what it holds.
func (k *keeper) run(ctx context.Context) {
	var h, next *held
	for ctx.Err() == nil {
		if next == nil {
			next = k.fetch(ctx, h)
		}
		if next != nil {
			k.set(next, nil)
			k.retire(ctx, h)
			h = next
			next = k.tend(ctx, h)
		}
	}
	k.retire(ctx, h)
	k.retire(ctx, next)
	k.retired.Wait()
}

// fetch asks until there is a credential, or ctx ends and it returns nil. As
// long as there is none, requests may use the old one: until it ends, or the
// upstream says that it is dead and the source that there is no other.
func (k *keeper) fetch(ctx context.Context, old *held) *held {
	for failures := 0; ; failures++ {
		next, err := k.fetchOnce(ctx)
		switch {
		case err == nil:
			if failures > 0 {
				k.onRecovery()
			}
			return next
		case ctx.Err() != nil:
			return nil
		case old != nil && (old.ended() || old.dead() && errors.As(err, new(*Denied))):
			k.retire(ctx, old)
			old, failures = nil, 0
		}
		k.failed(err)
		k.set(old, err)
		wait := backoff(failures)
		if old != nil {
			wait = min(wait, time.Until(old.end()))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

func (k *keeper) fetchOnce(ctx context.Context) (*held, error) {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	b, err := k.bind()
	if err != nil {
		return nil, err
	}
	asked := time.Now()
	c, err := k.source.Fetch(ctx, b.key)
	if err != nil {
		return nil, err
	}
	if c.TTL <= 0 {
		return nil, fmt.Errorf("the credential lasts %s", c.TTL)
	}
	k.counts.fetched.Add(1)
	return hold(c, b, asked), nil
}

// tend renews a credential until another is needed, which it returns if it has
// it already.
func (k *keeper) tend(ctx context.Context, h *held) *held {
	ttl, failures := h.TTL, 0
	due := time.Now().Add(rest(h.TTL, h.Renewable))
	for {
		switch k.wait(ctx, h, due) {
		case replace:
			return nil
		case widen: // if there is no other, this one is good enough
			next, err := k.fetchOnce(ctx)
			if err == nil {
				return next
			}
			k.failed(err)
			continue
		}
		if !h.Renewable || h.ended() {
			return nil
		}
		asked := time.Now()
		left, err := k.renewOnce(ctx, h)
		switch {
		case errors.As(err, new(*Denied)): // dead; the next answer says whether there is another
			k.failed(err)
			h.extend(time.Time{})
			k.set(nil, nil)
			return nil
		case err != nil && ctx.Err() == nil:
			k.failed(err)
			due = time.Now().Add(min(backoff(failures), time.Until(h.end())))
			failures++
		case err == nil:
			if failures > 0 {
				k.onRecovery()
			}
			k.counts.renewed.Add(1)
			h.extend(asked.Add(left))
			k.set(h, nil)
			if left < ttl*3/4 {
				return nil // something ends soon: the credential, its generation, the contract
			}
			ttl, failures = left, 0
			due = time.Now().Add(rest(left, true))
		}
	}
}

func (k *keeper) renewOnce(ctx context.Context, h *held) (time.Duration, error) {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	return k.source.Renew(ctx, h.Lease)
}

// need is what ends a wait.
type need int

const (
	renew   need = iota // its time has come
	replace             // another credential, whatever becomes of this one
	widen               // another if it can be had
)

func (k *keeper) wait(ctx context.Context, h *held, due time.Time) need {
	done := time.After(time.Until(due))
	look := time.NewTicker(certificateCheck)
	defer look.Stop()
	for {
		select {
		case <-done:
			return renew
		case <-k.grow:
			return widen
		case <-look.C:
			if k.rebound(h) {
				return replace
			}
		case <-h.refused:
			return replace
		case <-h.Doomed:
			return replace
		case <-ctx.Done():
			return replace
		}
	}
}

// rebound reports whether there is another client certificate than the one
// that h is used with.
func (k *keeper) rebound(h *held) bool {
	if h.binding.certificate == nil {
		return false
	}
	now, err := k.bind()
	if err != nil {
		k.failed(err)
		return false
	}
	return !bytes.Equal(now.certificate.Certificate[0], h.binding.certificate.Certificate[0])
}

// retire revokes a credential when the last request that bears it has ended:
// who verifies it may cut requests whose credential dies.
func (k *keeper) retire(ctx context.Context, h *held) {
	if h == nil || h.retired {
		return
	}
	h.retired = true
	h.retire()
	k.retired.Go(func() {
		select {
		case <-ctx.Done():
		case <-h.unused:
		case <-time.After(time.Until(h.end())):
		}
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer stop()
		if err := k.source.Revoke(ctx, h.Lease); err != nil {
			k.onError(err)
		}
		h.binding.close()
	})
}

func (k *keeper) failed(err error) {
	k.counts.failed.Add(1)
	k.onError(err)
}
