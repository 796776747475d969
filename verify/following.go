package verify

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
)

// tellEvery is how often a failure that lasts is told again.
const tellEvery = 5 * time.Second

// following is the work in the background: the issuer's keys and feed, kept up to date.
type following struct {
	config Config
	clock  clock
	keys   keySource
	feed   follower

	relays  bool       // tokens are not its business
	telling sync.Mutex // OnError and OnRecovery are called one at a time
}

// init prepares to follow. apply takes over what a message says.
func (w *following) init(c Config, apply func(raw []byte, m *revocation.Feed) error) {
	c.Client = careful(c.Client)
	w.config, w.clock.read = c, c.Now
	from := &sources{c.Client, c.Endpoints}
	w.keys.sources, w.keys.now = from, c.Now
	w.keys.set.Store(&keySet{})
	f := &w.feed
	f.client, f.issuer, f.keys, f.clock, f.apply = c.Client, c.Issuer, &w.keys, &w.clock, apply
	f.urls = append(append(f.urls, c.Relays...), c.Endpoints...)
	f.patience = max(c.MaxStaleness/4, vaultWait)
	f.tooOld = c.MaxStaleness * 2 / 3
}

// start gets keys, and the feed from the first source that has it.
func (w *following) start(ctx context.Context) error {
	if err := w.keys.refresh(ctx); err != nil {
		return err
	}
	var all []error
	for range w.feed.urls {
		err := w.feed.poll(ctx, 0)
		if err == nil {
			return nil
		}
		all = append(all, err)
		w.feed.failed()
	}
	return errors.Join(all...)
}

// follow keeps keys and feed up to date until ctx ends. A slow answer about
// the one does not hold up the other.
func (w *following) follow(ctx context.Context) {
	var work sync.WaitGroup
	work.Go(func() { w.followKeys(ctx) })
	work.Go(func() { w.followFeed(ctx) })
	work.Wait()
}

func (w *following) followKeys(ctx context.Context) {
	for ctx.Err() == nil {
		pause(ctx, jittered(keysRetry))
		if ctx.Err() != nil || w.keys.age() < keysFresh {
			continue
		}
		if err := w.keys.refresh(ctx); err != nil && ctx.Err() == nil {
			w.tell(w.withoutKeys(err))
		}
	}
}

func (w *following) followFeed(ctx context.Context) {
	f := &w.feed
	var told time.Time
	for ctx.Err() == nil {
		began, before := time.Now(), f.known()
		err := f.poll(ctx, f.next(ctx))
		switch {
		case ctx.Err() != nil:
		case err != nil:
			if before.fails == 0 || time.Since(told) > tellEvery {
				told = time.Now()
				w.tell(w.consequence(err))
			}
			pause(ctx, f.failed())
		default:
			if before.fails > 0 {
				w.recovered(w.clock.since(before.heard))
			}
			if f.known().cursor == before.cursor && time.Since(began) < vaultWait/2 {
				pause(ctx, jittered(vaultWait)) // an issuer with too many followers does not let them wait
			}
		}
	}
}

func (w *following) tell(err error) {
	w.telling.Lock()
	defer w.telling.Unlock()
	w.config.OnError(err)
}

func (w *following) recovered(after time.Duration) {
	w.telling.Lock()
	defer w.telling.Unlock()
	w.config.OnRecovery(after)
}

func (w *following) withoutKeys(err error) error {
	if w.relays {
		return err
	}
	return fmt.Errorf("%w; every token %s", err, refusedIn(keysGood-w.keys.age()))
}

// consequence adds to a failure to follow the feed what it means.
func (w *following) consequence(err error) error {
	age := w.feed.age().Round(time.Second)
	left := w.config.MaxStaleness - age
	switch {
	case w.relays:
		return fmt.Errorf("%w; this relay has no news for its followers meanwhile", err)
	case w.feed.known().heard.IsZero():
		return fmt.Errorf("%w; nothing is known yet about what is revoked", err)
	case w.config.AcceptStale && left <= 0:
		return fmt.Errorf("%w; revocations have not been heard of for %s, and tokens are ACCEPTED all the same (AcceptStale)", err, age)
	case left <= 0:
		return fmt.Errorf("%w; revocations have not been heard of for %s: tokens that rely on them are refused", err, age)
	}
	return fmt.Errorf("%w; tokens that rely on revocation %s", err, refusedIn(left))
}

func refusedIn(left time.Duration) string {
	if left <= 0 {
		return "is refused from now on"
	}
	return fmt.Sprintf("will be refused in %s if this lasts", left.Round(time.Second))
}

// fresh returns nil, or an error that says for how long the issuer was out of reach.
func (w *following) fresh() error {
	if age := w.feed.age(); age > w.config.MaxStaleness && !w.config.AcceptStale {
		return fmt.Errorf("revocations have not been heard of for %s", age.Round(time.Second))
	}
	if age := w.keys.age(); age > keysGood {
		return fmt.Errorf("the issuer's keys could not be read for %s", age.Round(time.Second))
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
