package proxy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
)

// exchange is a request and its answer: it counts, and cuts callers that
// stall. It is the http.ResponseWriter of the answer.
type exchange struct {
	http.ResponseWriter
	control  *http.ResponseController
	request  *http.Request
	stall    time.Duration
	extended time.Time // when the deadline of writes was set

	status   int
	sent     int64
	upgraded bool
	body     *body         // of the request, nil without one
	writing  error         // to the caller
	failure  *gate.Refusal // of an accepted request
}

func newExchange(w http.ResponseWriter, r *http.Request, stall time.Duration) *exchange {
	return &exchange{ResponseWriter: w, control: http.NewResponseController(w), request: r, stall: stall, extended: time.Now()}
}

// Unwrap is for http.ResponseController.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

func (x *exchange) WriteHeader(status int) {
	if status >= 200 {
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

func (x *exchange) Write(b []byte) (int, error) {
	defer x.deadline()()
	n, err := x.ResponseWriter.Write(b)
	x.sent += int64(n)
	x.wrote(err)
	return n, err
}

// FlushError is for http.ResponseController.
func (x *exchange) FlushError() error {
	defer x.deadline()()
	err := x.control.Flush()
	x.wrote(err)
	return err
}

func (x *exchange) wrote(err error) {
	if x.writing == nil {
		x.writing = err
	}
}

// Hijack is for http.ResponseController.
func (x *exchange) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := x.control.Hijack()
	if err == nil {
		x.upgraded, x.status = true, http.StatusSwitchingProtocols
	}
	return conn, buffered, err
}

// deadline is for one write. With HTTP/2 it must not be left when the write is
// done, for it resets a stream that rests.
func (x *exchange) deadline() func() {
	if x.request.ProtoMajor == 2 {
		_ = x.control.SetWriteDeadline(time.Now().Add(x.stall))
		return func() { _ = x.control.SetWriteDeadline(time.Time{}) }
	}
	if now := time.Now(); now.Sub(x.extended) > x.stall/4 {
		x.extended = now
		_ = x.control.SetWriteDeadline(now.Add(x.stall))
	}
	return func() {}
}

// streaming prepares for bodies that go both ways.
func (x *exchange) streaming(r *http.Request) *http.Request {
	if r.ProtoMajor == 2 {
		_ = x.control.SetWriteDeadline(time.Time{}) // the server's: see deadline
	}
	if r.ContentLength != 0 && r.Body != nil {
		if r.ProtoMajor == 1 {
			_ = x.control.EnableFullDuplex()
		}
		x.body = &body{ReadCloser: r.Body, control: x.control, stall: x.stall, rests: isGRPC(r.Header)}
		r.Body = x.body
	}
	x.request = r
	return r
}

// drainFor is for how long net/http reads the rest of a body that was not read.
const drainFor = 5 * time.Second

// end bounds what net/http does after the handler.
func (x *exchange) end() {
	if x.request.ProtoMajor == 1 && x.request.ContentLength != 0 && !x.upgraded {
		_ = x.control.SetReadDeadline(time.Now().Add(min(drainFor, x.stall)))
	}
}

// body counts what comes, and when it comes.
type body struct {
	io.ReadCloser
	control  *http.ResponseController
	stall    time.Duration
	rests    bool // may come when it likes
	received int64
	err      error // of the caller's sending
}

func (b *body) Read(into []byte) (int, error) {
	if !b.rests {
		_ = b.control.SetReadDeadline(time.Now().Add(b.stall))
		defer func() { _ = b.control.SetReadDeadline(time.Time{}) }()
	}
	n, err := b.ReadCloser.Read(into)
	b.received += int64(n)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, http.ErrBodyReadAfterClose) {
		b.err = err
	}
	return n, err
}

// cut is why the verifier ended a request, or nil.
func cut(ctx context.Context) *verify.Refusal {
	var why *verify.Refusal
	errors.As(context.Cause(ctx), &why)
	return why
}
