package egress

import (
	"bytes"
	"io"
	"net/http"
)

const maxRepeated = 64 << 10 // bytes of a body that are kept to be sent again

// body is the body of a request, which can sometimes be read twice.
type body struct {
	first io.ReadCloser                 // nil when opened
	next  func() (io.ReadCloser, error) // nil when there is no second time
}

func newBody(req *http.Request) (*body, error) {
	b := &body{first: req.Body, next: req.GetBody}
	switch {
	case req.Body == nil || req.Body == http.NoBody:
		b.first = http.NoBody
		b.next = func() (io.ReadCloser, error) { return http.NoBody, nil }
	case b.next == nil && 0 < req.ContentLength && req.ContentLength <= maxRepeated:
		kept := make([]byte, req.ContentLength)
		_, err := io.ReadFull(req.Body, kept)
		_ = req.Body.Close()
		if err != nil {
			return nil, err
		}
		b.next = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(kept)), nil }
		b.first, _ = b.next()
	}
	return b, nil
}

// again reports whether the body can be opened once more.
func (b *body) again() bool { return b.next != nil }

func (b *body) open() (io.ReadCloser, error) {
	if first := b.first; first != nil {
		b.first = nil
		return first, nil
	}
	return b.next()
}

func (b *body) close() {
	if b.first != nil {
		_ = b.first.Close()
	}
}

// inUse calls done when the body of an answer is closed. That of an upgraded
// connection is written to, too.
func inUse(b io.ReadCloser, done func()) io.ReadCloser {
	if w, ok := b.(io.Writer); ok {
		return &struct {
			answered
			io.Writer
		}{answered{b, done}, w}
	}
	return &answered{b, done}
}

type answered struct {
	io.ReadCloser
	done func()
}

func (a *answered) Close() error {
	defer a.done()
	return a.ReadCloser.Close()
}
