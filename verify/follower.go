package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

const (
	// MaxWaitHeader of a feed answer says how long its server lets followers
	// wait for news, as a duration ("20s"). Vault does not send it: there it
	// is a second.
	MaxWaitHeader = "Ramp-Max-Wait"

	vaultWait   = time.Second
	longestWait = time.Minute
	firstRetry  = 100 * time.Millisecond
	lastRetry   = 5 * time.Second
	goBack      = time.Minute // to the first of the sources, after one that was in its place
	forgetAfter = time.Hour   // beyond the expiry of what an event killed
)

// follower keeps a revocation state up to date from the issuer's feed.
type follower struct {
	client *http.Client
	issuer string
	urls   []string // of feeds, in order of preference
	keys   *keySource
	clock  *clock
	dead   revocation.State
	patch  time.Duration // longest wait that keeps the knowledge fresh

	// Of the loop alone.
	at    int           // in urls
	moved time.Time     // when at was changed
	wait  time.Duration // that the source allows
	lost  bool          // a message is missing: take a snapshot

	mu     sync.RWMutex
	cursor uint64
	heard  time.Time
	fails  int // polls in a row
}

// known is what the follower stands at.
type known struct {
	cursor uint64
	heard  time.Time // everything that died before is known
	fails  int
}

func (f *follower) known() known {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return known{f.cursor, f.heard, f.fails}
}

// age is for how long deaths may be unknown.
func (f *follower) age() time.Duration {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.clock.read().Sub(f.heard)
}

// poll asks for what is new and takes it over. Without wait the answer comes at once.
func (f *follower) poll(ctx context.Context, wait time.Duration) error {
	stands, asked := f.known().cursor, f.clock.read()
	source := f.urls[f.at]
	url := source + "/feed"
	if stands != 0 && !f.lost {
		url += fmt.Sprintf("?after=%d&wait=%s", stands, wait)
	}
	raw, header, err := fetch(ctx, f.client, url, maxFeed, requestTimeout+wait)
	if err != nil {
		return fmt.Errorf("feed: %w", err)
	}
	message, err := f.open(ctx, string(raw))
	if err != nil {
		return fmt.Errorf("feed of %s: %w", source, err)
	}
	switch {
	case message.Cursor < stands:
		return fmt.Errorf("feed of %s went back from cursor %d to %d: an old message was replayed, or Vault was restored from a backup (then restart the verifiers)", source, stands, message.Cursor)
	case !message.Snapshot && message.After > stands:
		f.lost = true
		return fmt.Errorf("feed of %s leaves out what happened between cursor %d and %d: taking a snapshot", source, stands, message.After)
	}
	if err := f.dead.Apply(message); err != nil {
		return fmt.Errorf("feed of %s: %w: verifier and issuer are of versions too far apart, or the feed is damaged", source, err)
	}
	f.lost = false
	f.wait = allowedWait(header)
	f.take(message, asked)
	return nil
}

// take moves on to a message that was asked for at a time. It is as fresh as
// its signed time says: a relay may have kept it.
func (f *follower) take(message *revocation.Feed, asked time.Time) {
	said := time.Unix(message.IssuedAt, 0)
	heard := asked
	if late := asked.Sub(said); late > time.Second { // iat is in whole seconds, and signed at most a second before
		heard = asked.Add(time.Second - late) // keeps asked's monotonic reading
	}
	f.clock.hear(said, asked)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cursor, f.fails = message.Cursor, 0
	if heard.After(f.heard) || f.heard.IsZero() {
		f.heard = heard
	}
}

func (f *follower) open(ctx context.Context, raw string) (*revocation.Feed, error) {
	_, payload, err := token.OpenSized(raw, maxFeed, f.keys.key, token.TypeFeed)
	if errors.Is(err, token.ErrUnknownKey) {
		f.keys.refetch(ctx)
		_, payload, err = token.OpenSized(raw, maxFeed, f.keys.key, token.TypeFeed)
	}
	if err != nil {
		return nil, fmt.Errorf("not a message of the issuer: %w", err)
	}
	var message revocation.Feed
	if err := json.Unmarshal(payload, &message); err != nil {
		return nil, fmt.Errorf("not a feed message: %w", err)
	}
	if message.Issuer != f.issuer {
		return nil, fmt.Errorf("it speaks for issuer %.200q", message.Issuer)
	}
	return &message, nil
}

func allowedWait(h http.Header) time.Duration {
	d, err := time.ParseDuration(h.Get(MaxWaitHeader))
	if err != nil || d < vaultWait {
		return vaultWait
	}
	return min(d, longestWait)
}

// next is how long to ask for, and from which source.
func (f *follower) next() time.Duration {
	if f.at > 0 && f.clock.read().Sub(f.moved) > goBack {
		f.at, f.wait = 0, vaultWait
	}
	return min(max(f.wait, vaultWait), f.patch)
}

// failed moves on to the next source and returns how long to pause before it.
func (f *follower) failed() time.Duration {
	f.at, f.moved, f.wait = (f.at+1)%len(f.urls), f.clock.read(), vaultWait
	f.mu.Lock()
	f.fails++
	n := f.fails
	f.mu.Unlock()
	return jittered(min(firstRetry<<min(n-1, 10), lastRetry))
}

func (f *follower) forget() { f.dead.Forget(f.clock.now().Add(-forgetAfter).Unix()) }

func jittered(d time.Duration) time.Duration {
	return d/2 + time.Duration(rand.Int64N(int64(d))) //nolint:gosec // nobody gains by guessing a pause
}
