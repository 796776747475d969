// Package http1 sends requests over HTTP/1.1 from the goroutine that asks.
// http.Transport has two more for each connection, and four hand-overs in
// each request cost a proxy more than all of its decisions. What this saves, it
// pays for with what it cannot do: read an answer while it sends a request. So
// it takes no large bodies, upgrades or expectations of a Continue.
package http1

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Transport is an http.RoundTripper for one server. It is safe for concurrent
// use.
type Transport struct {
	// Dial opens a connection to the server.
	Dial func(context.Context) (net.Conn, error)
	// Timeout is from the request to the head of its answer; 0 is none.
	Timeout time.Duration
	// MaxHead is how many bytes the head of an answer may have, together with
	// the interim ones (1xx) before it.
	MaxHead int64
	// MaxIdle connections are kept, for IdleTimeout.
	MaxIdle     int
	IdleTimeout time.Duration

	idle     pool
	requests sync.Pool // of *bytes.Buffer
}

// MaxBody is how long a body may be that is taken: any server's buffers take it
// whole, even of one that does not read it.
const MaxBody = 16 << 10

// Takes reports whether a request is one that RoundTrip can send. A method must
// be a token: Request.Write would write any.
func Takes(r *http.Request) bool {
	empty := r.Body == nil || r.Body == http.NoBody
	return 0 <= r.ContentLength && r.ContentLength <= MaxBody && empty == (r.ContentLength == 0) &&
		r.Header["Upgrade"] == nil && r.Header["Expect"] == nil && !r.Close && r.Method != http.MethodConnect && httpguts.ValidHeaderFieldName(r.Method)
}

// RoundTrip implements http.RoundTripper. It reads the body of a request before
// it takes a connection. A request that met a connection which the server had
// closed meanwhile is sent again once, over a new one, if its method is safe, it
// has an Idempotency-Key, or nothing of it was sent.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !Takes(r) {
		return nil, errors.New("http1: the request is not one that is taken, see Takes")
	}
	request := t.request()
	defer t.requests.Put(request)
	if err := r.Write(request); err != nil {
		return nil, fmt.Errorf("http1: %w", err)
	}
	if gone := r.Context().Err(); gone != nil { // meanwhile
		return nil, gone
	}
	c := t.idle.get()
	for {
		if c == nil {
			raw, err := t.Dial(r.Context())
			if err != nil {
				return nil, err
			}
			c = &conn{Conn: raw, transport: t}
			c.in = bufio.NewReader((*reading)(c))
		}
		resp, err := c.send(r, request.Bytes())
		if err == nil {
			return resp, nil
		}
		c.Close()
		if gone := r.Context().Err(); gone != nil {
			return nil, gone
		}
		if !c.used || c.heard || c.sent && !repeatable(r) || !lost(err) {
			return nil, err
		}
		c = nil // what fails over a new one does not fail for its age
	}
}

// lost reports whether a connection ended, and did not take too long.
func lost(err error) bool {
	var network net.Error
	return errors.Is(err, io.EOF) || errors.As(err, &network) && !network.Timeout()
}

// request is an empty buffer for one.
func (t *Transport) request() *bytes.Buffer {
	if kept, ok := t.requests.Get().(*bytes.Buffer); ok {
		kept.Reset()
		return kept
	}
	return new(bytes.Buffer)
}

// repeatable reports whether to ask twice does what asking once does: the
// method is safe (RFC 9110 section 9.2.1), or the caller says so.
func repeatable(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	}
	return r.Header["Idempotency-Key"] != nil
}

// CloseIdleConnections closes connections that serve no request, and from now on
// each one when its request ends.
func (t *Transport) CloseIdleConnections() { t.idle.close() }

// conn serves one request at a time.
type conn struct {
	net.Conn
	transport *Transport
	in        *bufio.Reader
	head      int64     // bytes that the head may still have
	since     time.Time // idle

	used   bool  // by an earlier request
	sent   bool  // some of the request
	heard  bool  // some of the answer
	failed error // to send or to hear the rest
}

// send sends a request and reads the head of its answer.
func (c *conn) send(r *http.Request, request []byte) (*http.Response, error) {
	if t := c.transport.Timeout; t > 0 {
		_ = c.SetDeadline(time.Now().Add(t))
	}
	stop := context.AfterFunc(r.Context(), func() { c.Close() })
	resp, err := c.exchange(r, request)
	if err != nil {
		stop()
		return nil, err
	}
	_ = c.SetDeadline(time.Time{}) // an answer may last
	c.head = noLimit
	b := &body{ReadCloser: resp.Body, conn: c, stop: stop, keep: !resp.Close}
	if resp.Body == http.NoBody {
		b.end(true)
	} else {
		resp.Body = b
	}
	return resp, nil
}

const noLimit = -1

func (c *conn) exchange(r *http.Request, request []byte) (*http.Response, error) {
	c.head, c.heard = c.transport.MaxHead, false
	n, err := c.Write(request)
	if c.sent, c.failed = n > 0, err; !c.sent {
		return nil, err
	}
	for { // an answer may say why the server did not read all of the request
		resp, err := http.ReadResponse(c.in, r)
		switch {
		case err != nil && c.failed != nil: // not that what there is makes no sense
			return nil, c.failed
		case err != nil:
			return nil, err
		case resp.StatusCode < 100:
			return nil, fmt.Errorf("http1: %03d is no status", resp.StatusCode)
		case resp.StatusCode == http.StatusSwitchingProtocols:
			return nil, errors.New("http1: the server switches to a protocol that nobody asked for")
		case resp.StatusCode >= 200:
			resp.Close = resp.Close || c.failed != nil
			return resp, nil
		}
		if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.Got1xxResponse != nil && resp.StatusCode != http.StatusContinue {
			if err := trace.Got1xxResponse(resp.StatusCode, textproto.MIMEHeader(resp.Header)); err != nil {
				return nil, err
			}
		}
	}
}

// reading is a conn as its bufio.Reader sees it.
type reading conn

func (c *reading) Read(into []byte) (n int, err error) {
	if c.head == 0 {
		err = fmt.Errorf("http1: the head of the answer has more than %d bytes", c.transport.MaxHead)
	} else {
		if c.head > 0 && int64(len(into)) > c.head {
			into = into[:c.head]
		}
		n, err = c.Conn.Read(into)
	}
	c.heard = c.heard || n > 0
	if c.head > 0 {
		c.head -= int64(n)
	}
	if c.failed == nil {
		c.failed = err
	}
	return n, err
}

// body is the body of an answer. At its end the connection is free.
type body struct {
	io.ReadCloser
	conn *conn
	stop func() bool // watching whether the caller goes
	keep bool        // the server keeps the connection
	done bool
}

func (b *body) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	if err != nil {
		b.end(errors.Is(err, io.EOF))
	}
	return n, err
}

// Close closes the connection with the rest of a body that was not read.
func (b *body) Close() error {
	b.end(false)
	return nil
}

func (b *body) end(whole bool) {
	if b.done {
		return
	}
	b.done = true
	c := b.conn
	if untouched := b.stop(); whole && b.keep && untouched && c.in.Buffered() == 0 {
		c.transport.idle.put(c, c.transport)
	} else {
		c.Close()
	}
}
