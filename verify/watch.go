package verify

import (
	"context"
	"time"
)

// watchEvery is how often time, keys and conditions are looked at again.
const watchEvery = time.Second

// Watch is for what outlives a request: streams, WebSockets, long answers. It
// returns a context that ends with ctx, or when id must not be accepted any
// more; [context.Cause] is then the [*Refusal]. A revocation ends it when the
// feed tells, all else within a second. Proofs are not asked for again: they
// belong to the request. An identity that this Verifier did not return ends it
// at once. Call the function when done, to free what it holds.
func (v *Verifier) Watch(ctx context.Context, id *Identity) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancelCause(ctx)
	if id == nil || id.opened == nil {
		end(refuse(Missing, "the identity is not one that this verifier returned"))
		return ctx, func() { end(nil) }
	}
	go func() {
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for {
			news := v.feed.movement()
			if err := v.still(ctx, id); err != nil {
				end(about(err, id.opened.copy()))
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-news:
			case <-tick.C:
			}
		}
	}()
	return ctx, func() { end(nil) }
}

// still checks what may have changed since the token was accepted.
func (v *Verifier) still(ctx context.Context, id *Identity) error {
	now := v.clock.now()
	if err := v.alive(id.opened, now); err != nil {
		return err
	}
	if id.opened.conditions == "" {
		return nil
	}
	return v.conditions.ask(ctx, id.opened, &Requirements{RemoteAddr: id.remote}, now)
}
