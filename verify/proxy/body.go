package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// drainFor is for how long net/http reads the rest of a body that was not read.
const drainFor = 5 * time.Second

// body of a request counts what comes, and cuts callers that stall. A
// transport may read it after the handler has ended: end says that the
// connection is not its own any more.
type body struct {
	io.ReadCloser
	while   context.Context // the request goes on
	control *http.ResponseController
	stall   time.Duration
	rests   bool // may come when it likes

	received atomic.Int64
	failed   atomic.Pointer[error] // of the caller's sending

	mu    sync.Mutex
	ended bool
}

func (b *body) Read(into []byte) (int, error) {
	if gone := b.while.Err(); gone != nil {
		return 0, gone
	}
	if !b.rests {
		b.deadline(time.Now().Add(b.stall))
		defer b.deadline(time.Time{}) // what rests then is the service
	}
	n, err := b.ReadCloser.Read(into)
	b.received.Add(int64(n))
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, http.ErrBodyReadAfterClose) {
		b.failed.Store(&err)
	}
	return n, err
}

func (b *body) deadline(at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ended {
		_ = b.control.SetReadDeadline(at)
	}
}

// end is called before the handler ends, and bounds what net/http does then.
func (b *body) end() {
	b.deadline(time.Now().Add(min(drainFor, b.stall)))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
}

// err is why the body could not be read, or nil.
func (b *body) err() error {
	if b == nil || b.failed.Load() == nil {
		return nil
	}
	return *b.failed.Load()
}
