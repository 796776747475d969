package verify

import (
	"context"
	"time"
)

// follow keeps keys and feed up to date until ctx ends.
func (v *Verifier) follow(ctx context.Context) {
	defer close(v.done)
	f := &v.feed
	swept := v.config.Now()
	for ctx.Err() == nil {
		began, before := time.Now(), f.known()
		err := f.poll(ctx, f.next())
		if err == nil && before.fails > 0 {
			v.config.OnRecovery(began.Sub(before.heard))
		}
		if err == nil && v.keys.age() > keysFresh {
			err = v.keys.refresh(ctx)
		}
		if now := v.config.Now(); now.Sub(swept) > time.Minute {
			swept = now
			f.forget()
		}
		switch {
		case ctx.Err() != nil:
		case err != nil:
			v.config.OnError(v.consequence(err))
			pause(ctx, f.failed())
		case f.known().cursor == before.cursor && time.Since(began) < vaultWait/2:
			pause(ctx, jittered(vaultWait)) // an issuer with too many followers does not let them wait
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
