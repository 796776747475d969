package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

const maxFeed = 64 << 20 // bytes read of a feed message

// follower keeps a revocation state up to date from the issuer's feed.
type follower struct {
	client *http.Client
	issuer string
	keys   *keySource
	state  *revocation.State

	mu     sync.RWMutex
	cursor uint64
	last   time.Time // when the newest message was asked for
}

func (f *follower) init(client *http.Client, issuer string, keys *keySource, state *revocation.State) {
	f.client, f.issuer, f.keys, f.state = client, issuer, keys, state
}

// heard is the moment up to which everything that died is known.
func (f *follower) heard() time.Time {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.last
}

func (f *follower) at() uint64 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.cursor
}

// poll asks for what is new and takes it over.
func (f *follower) poll(ctx context.Context, wait time.Duration) error {
	cursor, asked := f.at(), time.Now()
	url := f.issuer + "/feed"
	if cursor != 0 {
		url += fmt.Sprintf("?after=%d&wait=%s", cursor, wait)
	}
	raw, err := fetch(ctx, f.client, url, maxFeed)
	if err != nil {
		return err
	}
	message, err := f.open(ctx, string(raw), asked)
	if err != nil {
		return err
	}
	if message.Cursor < cursor {
		return fmt.Errorf("feed of %s went back from cursor %d to %d: an old message was replayed, or the mount was restored from an old backup", f.issuer, cursor, message.Cursor)
	}
	if !message.Snapshot && message.After != cursor {
		return fmt.Errorf("feed of %s answered for cursor %d, asked was %d", f.issuer, message.After, cursor)
	}
	if err := f.state.Apply(message); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cursor, f.last = message.Cursor, asked
	return nil
}

func (f *follower) open(ctx context.Context, raw string, asked time.Time) (*revocation.Feed, error) {
	_, payload, err := token.OpenSized(raw, maxFeed, f.keys.key, token.TypeFeed)
	if errors.Is(err, token.ErrUnknownKey) {
		f.keys.refetch(ctx, asked)
		_, payload, err = token.OpenSized(raw, maxFeed, f.keys.key, token.TypeFeed)
	}
	if err != nil {
		return nil, fmt.Errorf("feed of %s: %w", f.issuer, err)
	}
	var message revocation.Feed
	if err := json.Unmarshal(payload, &message); err != nil {
		return nil, fmt.Errorf("feed of %s: %w", f.issuer, err)
	}
	if message.Issuer != f.issuer {
		return nil, fmt.Errorf("feed of %s speaks for issuer %.200q", f.issuer, message.Issuer)
	}
	return &message, nil
}

func fetch(ctx context.Context, client *http.Client, url string, limit int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("GET %s: more than %d bytes", url, limit)
	}
	return body, nil
}

func jittered(d time.Duration) time.Duration {
	return d/2 + time.Duration(rand.Int64N(int64(d))) //nolint:gosec // nobody gains by guessing a pause
}
