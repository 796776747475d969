package relay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

const (
	maxCached      = 4096
	maxCachedBytes = 32 << 20
	documentIn     = 15 * time.Second
)

// cache is the documents that were asked for lately.
type cache struct {
	mu    sync.Mutex
	known map[string]cached
	bytes int
}

// cached is a document, or nil when the issuer has none.
type cached struct {
	body []byte
	at   time.Time
}

func (c *cache) get(path string) (cached, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.known[path]
	return e, ok
}

func (c *cache) put(path string, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= maxCached || c.bytes+len(body) > maxCachedBytes {
		c.known, c.bytes = make(map[string]cached), 0
	}
	c.bytes += len(body) - len(c.known[path].body)
	c.known[path] = cached{body, time.Now()}
}

var errStrange = errors.New("too many requests for documents that nobody has asked for lately")

// document returns a document that is no older than freshFor, or goodFor when the issuer is out of reach.
func (r *Relay) document(d *document, path string) ([]byte, error) {
	have, ok := r.cache.get(path)
	if !ok || time.Since(have.at) > freshFor {
		if have.body == nil && !r.strange[d].Allow() {
			return nil, errStrange
		}
		_, err, _ := r.flights.Do(path, func() (any, error) {
			ctx, stop := context.WithTimeout(context.Background(), documentIn)
			defer stop()
			body, err := r.fetch(ctx, d, path)
			if errors.Is(err, verify.ErrNotFound) {
				body, err = nil, nil
			}
			if err == nil {
				r.cache.put(path, body)
			}
			return nil, err
		})
		if err != nil && (have.body == nil || time.Since(have.at) > goodFor) {
			return nil, err
		}
		if err == nil {
			have, _ = r.cache.get(path)
		}
	}
	if have.body == nil {
		return nil, verify.ErrNotFound
	}
	return have.body, nil
}

func (r *Relay) serveDocument(w http.ResponseWriter, req *http.Request) {
	path := req.URL.Path[len(r.path):]
	d := documentAt(path)
	if d == nil {
		http.NotFound(w, req)
		return
	}
	body, err := r.document(d, path)
	r.metrics.documents.WithLabelValues(outcome(err)).Inc()
	switch {
	case errors.Is(err, verify.ErrNotFound):
		http.NotFound(w, req)
		return
	case errors.Is(err, errStrange):
		w.Header().Set("Retry-After", "1")
		http.Error(w, err.Error(), http.StatusTooManyRequests)
		return
	case err != nil:
		http.Error(w, "the issuer is out of reach", http.StatusBadGateway)
		return
	}
	h := w.Header()
	h.Set("Content-Type", d.contentType)
	h.Set("Cache-Control", fmt.Sprintf("max-age=%d", d.maxAge))
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

func outcome(err error) string {
	switch {
	case err == nil:
		return "found"
	case errors.Is(err, verify.ErrNotFound):
		return "not found"
	}
	return "failed"
}
