package relay

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

const (
	snapshotGood = 2 * time.Second  // a snapshot is given to all who need one in that time
	catchUp      = 2 * time.Second  // for this relay, when a follower is ahead
	fetchIn      = 30 * time.Second // for a snapshot
)

// serveFeed answers a follower: at once when there is news for it, otherwise
// when there is, or when its patience ends.
func (r *Relay) serveFeed(w http.ResponseWriter, req *http.Request) {
	after, wait, err := question(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	stands, m, err := r.answer(req.Context(), after, min(wait, r.config.MaxWait))
	r.metrics.answers.WithLabelValues(stands.String()).Inc()
	if err != nil {
		w.Header().Set("Retry-After", "1")
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/ramp-feed+jwt")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(m.raw)))
	h.Set(verify.MaxWaitHeader, r.config.MaxWait.String())
	_, _ = w.Write(m.raw)
}

func question(req *http.Request) (after uint64, wait time.Duration, err error) {
	q := req.URL.Query()
	if text := q.Get("after"); text != "" {
		if after, err = strconv.ParseUint(text, 10, 64); err != nil {
			return 0, 0, fmt.Errorf("after: %.40q is not a cursor", text)
		}
	}
	if text := q.Get("wait"); text != "" {
		if wait, err = time.ParseDuration(text); err != nil || wait < 0 {
			return 0, 0, fmt.Errorf("wait: %.40q is not a duration such as 20s", text)
		}
	}
	return after, wait, nil
}

func (r *Relay) answer(ctx context.Context, after uint64, wait time.Duration) (standing, *message, error) {
	stands, m, grown := r.history.at(after)
	if wait > 0 && (stands == upToDate || stands == ahead) {
		r.hold(ctx, grown, stands, wait)
		stands, m, _ = r.history.at(after)
	}
	switch {
	case stands == ahead:
		return stands, nil, fmt.Errorf("this relay is behind you: it has not heard of cursor %d; ask another source", after)
	case m == nil:
		m, err := r.snapshot(after)
		return stands, m, err
	}
	return stands, m, nil
}

// hold lets a follower wait for news. When all of them wait since the same
// news, they shall not all come back at the same time.
func (r *Relay) hold(ctx context.Context, news <-chan struct{}, stands standing, wait time.Duration) {
	if stands == ahead {
		wait = min(wait, catchUp)
	}
	defer r.waiting.Add(-1)
	if r.waiting.Add(1) > int64(r.config.MaxWaiting) {
		return
	}
	timer := time.NewTimer(wait - rand.N(wait/5+1)) //nolint:gosec // nobody gains by guessing it
	defer timer.Stop()
	select {
	case <-news:
	case <-timer.C:
	case <-ctx.Done():
	case <-r.closed:
	}
}

// snapshot returns one that takes a follower further, a recent one if the
// issuer can be reached. However many ask, the issuer is asked once.
func (r *Relay) snapshot(after uint64) (*message, error) {
	if have := r.history.snapshotFor(after); have != nil && time.Since(have.heard) < snapshotGood {
		return have, nil
	}
	_, err, _ := r.flights.Do("/feed", func() (any, error) {
		ctx, stop := context.WithTimeout(context.Background(), fetchIn)
		defer stop()
		raw, m, err := r.follower.Snapshot(ctx)
		if err == nil {
			r.history.keep(&message{raw: raw, cursor: m.Cursor, snapshot: true, heard: time.Now()})
		}
		return nil, err
	})
	if have := r.history.snapshotFor(after); have != nil {
		return have, nil
	}
	if err == nil {
		err = fmt.Errorf("the issuer's is behind cursor %d", after)
	}
	return nil, fmt.Errorf("this relay has no snapshot for you: %w", err)
}
