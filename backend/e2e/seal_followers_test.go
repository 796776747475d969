package e2e_test

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
)

// flock is followers that wait for news on the feed, each asking again as soon as it is answered.
type flock struct {
	http *http.Client
	feed string
	stop context.CancelFunc
	wait sync.WaitGroup

	mu      sync.Mutex
	at      []uint64 // cursors
	answers []int
	refused int           // requests that failed
	idle    time.Duration // the least that a follower without news waited for an answer
}

// gather starts n followers and returns when each of them has been answered once.
func (r *rig) gather(t *testing.T, n int) *flock {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 3*patience)
	f := &flock{
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n}},
		feed: r.Addr + issuerPath + "/feed", stop: stop,
		at: make([]uint64, n), answers: make([]int, n), idle: time.Hour,
	}
	for i := range n {
		f.wait.Go(func() {
			for ctx.Err() == nil {
				f.follow(ctx, i)
			}
		})
	}
	t.Cleanup(func() {
		stop()
		f.wait.Wait()
		f.http.CloseIdleConnections()
	})
	f.wantAnswers(t, 1)
	return f
}

func (f *flock) follow(ctx context.Context, i int) {
	after := f.at[i] // only this goroutine writes it
	start := time.Now()
	cursor, err := f.ask(ctx, after)
	took := time.Since(start)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case ctx.Err() != nil:
	case err != nil:
		f.refused++
		f.mu.Unlock()
		time.Sleep(50 * time.Millisecond)
		f.mu.Lock()
	default:
		if cursor == after {
			f.idle = min(f.idle, took)
		}
		f.at[i] = cursor
		f.answers[i]++
	}
}

func (f *flock) ask(ctx context.Context, after uint64) (uint64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.feed+"?wait=1s&after="+strconv.FormatUint(after, 10), nil)
	if err != nil {
		return 0, err
	}
	resp, err := f.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	var message revocation.Feed
	if err := decodePart(string(body), 1, &message); err != nil {
		return 0, err
	}
	return message.Cursor, nil
}

// wantAnswers waits until every follower has got n answers more.
func (f *flock) wantAnswers(t *testing.T, n int) {
	t.Helper()
	f.mu.Lock()
	was := append([]int(nil), f.answers...)
	f.mu.Unlock()
	f.until(t, "an answer to every follower", func(i int) bool { return f.answers[i] >= was[i]+n })
}

// wantAt waits until every follower stands at or after a cursor.
func (f *flock) wantAt(t *testing.T, cursor uint64) {
	t.Helper()
	f.until(t, "news to reach every follower", func(i int) bool { return f.at[i] >= cursor })
}

func (f *flock) until(t *testing.T, what string, holds func(i int) bool) {
	t.Helper()
	eventually(t, what, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		for i := range f.at {
			if !holds(i) {
				return false
			}
		}
		return true
	})
}

// leastIdle is the least that a follower without news has waited for an answer since it was last asked.
func (f *flock) leastIdle() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	least := f.idle
	f.idle = time.Hour
	return least
}
