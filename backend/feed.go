package backend

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

const (
	feedHistory = 4096 // events kept at least; a follower that is further behind gets a snapshot
	feedWaiters = 1024 // followers that may wait at the same time
	feedAnswers = 256  // signed answers kept
)

// feed is the stream of events that verifiers follow. Its cursor is the epoch
// (how often the feed was opened, in storage) above 32 bits that count events,
// so that it grows across restarts and failovers without a write per event.
type feed struct {
	mu      sync.Mutex
	cursor  uint64 // of the last event; 0: not open yet
	start   uint64 // cursor before the oldest event kept
	events  []revocation.Event
	grown   chan struct{} // closed when the cursor moves on
	answers map[uint64]feedAnswer
	waiting int

	summing  sync.Mutex // held while a snapshot is made; before mu
	snapshot feedSnapshot

	closing sync.Once
	closed  chan struct{}
}

type feedAnswer struct {
	jws string
	at  time.Time
}

// feedSnapshot is a signed snapshot as of a cursor, and when it was begun and
// how long it took.
type feedSnapshot struct {
	feedAnswer
	cursor uint64
	began  time.Time
	took   time.Duration
}

type feedEpoch struct {
	Epoch uint64 `json:"epoch"`
}

func (f *feed) close() { f.closing.Do(func() { close(f.closed) }) }

// open starts a new epoch. The caller holds f.mu.
func (f *feed) open(ctx context.Context, s logical.Storage) error {
	if f.cursor != 0 {
		return nil
	}
	last, err := get[feedEpoch](ctx, s, feedKey)
	if err != nil {
		return err
	}
	if last == nil {
		last = &feedEpoch{}
	}
	if err := put(ctx, s, feedKey, feedEpoch{last.Epoch + 1}); err != nil {
		return err
	}
	f.cursor = (last.Epoch + 1) << 32
	f.start = f.cursor
	f.grown = make(chan struct{})
	f.answers = make(map[uint64]feedAnswer)
	return nil
}

// reopen makes the next request start a new epoch, and so all followers take a
// snapshot.
func (f *feed) reopen() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cursor != 0 {
		f.cursor, f.events = 0, nil
		close(f.grown)
	}
}

func (f *feed) ensure(ctx context.Context, s logical.Storage) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open(ctx, s)
}

// publish appends an event to the feed, which is open, and wakes the followers.
func (f *feed) publish(e revocation.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cursor == 0 {
		return // reopened meanwhile: it is in the snapshot that all will get
	}
	f.events = append(f.events, e)
	f.cursor++
	if len(f.events) >= 2*feedHistory {
		f.start += uint64(len(f.events) - feedHistory)
		f.events = append([]revocation.Event(nil), f.events[len(f.events)-feedHistory:]...)
	}
	clear(f.answers)
	close(f.grown)
	f.grown = make(chan struct{})
}

// follow returns the signed message for a follower at after. When it has seen
// everything, follow waits for news, but no longer than wait: a request that
// waits holds up seal, step-down and reload.
func (b *backend) follow(ctx context.Context, s logical.Storage, after uint64, wait time.Duration) (string, error) {
	f := &b.feed
	if err := f.ensure(ctx, s); err != nil {
		return "", err
	}
	f.mu.Lock()
	if after == f.cursor && after != 0 && wait > 0 && f.waiting < feedWaiters {
		f.waiting++
		grown := f.grown
		f.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-grown:
		case <-timer.C:
		case <-ctx.Done():
		case <-f.closed:
		}
		timer.Stop()
		f.mu.Lock()
		f.waiting--
	}
	if err := f.open(ctx, s); err != nil {
		f.mu.Unlock()
		return "", err
	}
	if after < f.start || after > f.cursor { // too far behind, or ahead of us
		f.mu.Unlock()
		return b.snapshot(ctx, s)
	}
	defer f.mu.Unlock()
	return b.message(after)
}

// message signs what a follower at after gets, or returns what was signed
// within the last second. The caller holds f.mu.
func (b *backend) message(after uint64) (string, error) {
	f := &b.feed
	now := b.now()
	if a, ok := f.answers[after]; ok && now.Sub(a.at) < time.Second {
		return a.jws, nil
	}
	jws, err := b.signFeed(revocation.Feed{Events: f.events[after-f.start:], Cursor: f.cursor, After: after}, now)
	if err != nil {
		return "", err
	}
	if len(f.answers) >= feedAnswers {
		clear(f.answers)
	}
	f.answers[after] = feedAnswer{jws, now}
	return jws, nil
}

// snapshot signs everything that is dead, or returns what was signed within
// the last second. It holds up nobody but others who ask for a snapshot: what
// dies meanwhile is in the messages after its cursor. They share one when it
// is not older than making another would take.
func (b *backend) snapshot(ctx context.Context, s logical.Storage) (string, error) {
	f := &b.feed
	f.summing.Lock()
	defer f.summing.Unlock()
	f.mu.Lock()
	err := f.open(ctx, s)
	cursor, start := f.cursor, f.start
	f.mu.Unlock()
	if err != nil {
		return "", err
	}
	now, began := b.now(), time.Now()
	have := &f.snapshot
	recent := have.cursor == cursor && now.Sub(have.at) < time.Second
	if recent || have.cursor >= start && have.cursor <= cursor && began.Sub(have.began) < 2*have.took {
		return have.jws, nil
	}
	dead, err := b.kills.state(ctx, s)
	if err != nil {
		return "", err
	}
	message := dead.Snapshot()
	message.Cursor = cursor
	jws, err := b.signFeed(message, now)
	if err != nil {
		return "", err
	}
	*have = feedSnapshot{feedAnswer{jws, now}, cursor, began, time.Since(began)}
	return jws, nil
}

func (b *backend) signFeed(message revocation.Feed, now time.Time) (string, error) {
	message.Issuer, message.IssuedAt = b.config.Load().Issuer, now.Unix()
	payload, err := json.Marshal(&message)
	if err != nil {
		return "", err
	}
	jws, _, err := b.keys.Sign(defaultKey, token.TypeFeed, payload)
	return jws, err
}
