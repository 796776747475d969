package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
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
	lastRetry   = time.Second // as often as those ask who are not told to wait longer
	goBack      = time.Minute // to a source before the one in its place
	snapshotIn  = 30 * time.Second
)

// follower keeps up with the issuer's feed.
type follower struct {
	client   *http.Client
	issuer   string
	urls     []string // of feeds, in order of preference
	keys     *keySource
	clock    *clock
	apply    func(raw []byte, m *revocation.Feed) error
	patience time.Duration // longest wait that keeps the knowledge fresh, and longest delay beyond it
	tooOld   time.Duration // age of a message that does not keep it fresh

	// Of the loop alone.
	at   int           // in urls
	wait time.Duration // that the source allows
	lost bool          // a message is missing: take a snapshot
	look time.Time     // when to look next whether a source before at is back

	back atomic.Int32 // index + 1 of a source before at that is back

	mu     sync.RWMutex
	cursor uint64
	heard  time.Time
	fails  int           // polls in a row
	news   chan struct{} // closed when the cursor moves; nil when nobody waits
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
	return f.clock.since(f.heard)
}

// poll asks for what is new and takes it over. Without wait the answer comes at once.
func (f *follower) poll(ctx context.Context, wait time.Duration) error {
	stands, asked := f.known().cursor, f.clock.read()
	source := f.urls[f.at]
	after := stands
	if f.lost {
		after = 0
	}
	raw, message, header, err := f.ask(ctx, source, after, wait)
	if err != nil {
		return err
	}
	switch {
	case message.Cursor < stands:
		return fmt.Errorf("revocation feed of %s went back from cursor %d to %d: an old message was replayed, or Vault was restored from a backup (then restart the verifiers)", source, stands, message.Cursor)
	case !message.Snapshot && message.After > stands:
		f.lost = true
		return fmt.Errorf("revocation feed of %s leaves out what happened between cursor %d and %d: asking for a snapshot", source, stands, message.After)
	}
	if err := f.apply(raw, message); err != nil {
		return fmt.Errorf("revocation feed of %s: %w: update this verifier if the issuer is of a later version", source, err)
	}
	f.lost, f.wait = false, allowedWait(header)
	if old := f.take(message, asked, f.clock.read()); old > f.tooOld {
		return fmt.Errorf("revocation feed of %s: its last message is %s old by the clock of this machine: old messages are replayed, a relay is cut off from the issuer, or the clocks of issuer and verifier disagree", source, old.Round(time.Second))
	}
	return nil
}

// ask reads a message of the issuer from a source: what is new after a cursor, or a snapshot when that is 0.
func (f *follower) ask(ctx context.Context, source string, after uint64, wait time.Duration) ([]byte, *revocation.Feed, http.Header, error) {
	url, timeout := source+"/feed", snapshotIn
	if after != 0 {
		url += fmt.Sprintf("?after=%d&wait=%s", after, wait)
		timeout = wait + min(f.patience, requestTimeout)
	}
	raw, header, err := fetch(ctx, f.client, url, maxFeed, timeout)
	if errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("%w (is this the URL of a ramp mount that has an issuer?)", err)
	}
	if err != nil {
		return nil, nil, nil, fmt.Errorf("revocation feed: %w", err)
	}
	message, err := f.open(ctx, string(raw))
	if err != nil {
		return nil, nil, nil, fmt.Errorf("revocation feed of %s: %w", source, err)
	}
	return raw, message, header, nil
}

// movement returns a channel that is closed when there is news.
func (f *follower) movement() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.news == nil {
		f.news = make(chan struct{})
	}
	return f.news
}

func (f *follower) open(ctx context.Context, raw string) (*revocation.Feed, error) {
	payload, err := f.keys.open(ctx, raw, maxFeed, token.TypeFeed)
	if err != nil {
		return nil, err
	}
	var message revocation.Feed
	if err := json.Unmarshal(payload, &message); err != nil {
		return nil, errors.New("the issuer signed something that is not a feed message")
	}
	if message.Issuer != f.issuer {
		return nil, fmt.Errorf("it speaks for issuer %.200q", message.Issuer)
	}
	return &message, nil
}

// take moves on to a message that was asked for and received at a time, and
// returns how old it was then. It is as fresh as its signed time says: a relay
// may have kept it.
func (f *follower) take(message *revocation.Feed, asked, received time.Time) time.Duration {
	said := time.Unix(message.IssuedAt, 0)
	old := f.clock.at(received).Sub(said) - time.Second // iat is in whole seconds, and signed at most a second before
	f.clock.hear(said, received)
	heard := asked
	if known := received.Add(-old); known.Before(heard) {
		heard = known
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if message.Cursor != f.cursor && f.news != nil {
		close(f.news)
		f.news = nil
	}
	f.cursor = message.Cursor
	if old <= f.tooOld {
		f.fails = 0
	}
	if f.heard.IsZero() || heard.After(f.heard) || received.Before(f.heard) { // the last: the clock was stepped back
		f.heard = heard
	}
	return old
}

func allowedWait(h http.Header) time.Duration {
	d, err := time.ParseDuration(h.Get(MaxWaitHeader))
	if err != nil || d < vaultWait {
		return vaultWait
	}
	return min(d, longestWait)
}

// next is how long to ask for. It goes back to a source that is preferred to
// the present one when it answers again.
func (f *follower) next(ctx context.Context) time.Duration {
	if back := int(f.back.Swap(0)); back > 0 && back <= f.at {
		f.at, f.wait = back-1, vaultWait
	}
	if now := time.Now(); f.at > 0 && now.After(f.look) {
		f.look = now.Add(jittered(goBack))
		go f.lookBack(ctx, f.urls[:f.at], f.known().cursor)
	}
	return min(max(f.wait, vaultWait), f.patience)
}

// lookBack finds the first of some sources that answers, beside the loop, so
// that one that hangs delays nothing.
func (f *follower) lookBack(ctx context.Context, sources []string, cursor uint64) {
	for i, source := range sources {
		_, message, _, err := f.ask(ctx, source, cursor, 0)
		if err == nil && message.Cursor >= cursor && f.clock.now().Sub(time.Unix(message.IssuedAt, 0)) < f.tooOld {
			f.back.Store(int32(i) + 1)
			return
		}
	}
}

// failed moves on to the next source and returns how long to pause before it:
// longer each time that all of them have failed.
func (f *follower) failed() time.Duration {
	f.at, f.wait = (f.at+1)%len(f.urls), vaultWait
	f.look = time.Now().Add(jittered(goBack))
	f.mu.Lock()
	f.fails++
	n := f.fails
	f.mu.Unlock()
	if n%len(f.urls) != 0 {
		return jittered(firstRetry)
	}
	return jittered(min(firstRetry<<min(n/len(f.urls)-1, 10), lastRetry))
}

func jittered(d time.Duration) time.Duration {
	return d/2 + time.Duration(rand.Int64N(int64(d))) //nolint:gosec // nobody gains by guessing a pause
}
