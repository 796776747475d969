package proxy

import (
	"bufio"
	"context"
	"errors"
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
	caller   context.Context // ends when the caller goes
	stall    time.Duration
	extended time.Time // when the deadline of writes was set, with HTTP/1

	status   int
	sent     int64
	upgraded bool
	body     *body         // of the request, nil for none
	writing  error         // to the caller
	failure  *gate.Refusal // of an accepted request
}

func newExchange(w http.ResponseWriter, r *http.Request, stall time.Duration) *exchange {
	x := &exchange{ResponseWriter: w, control: http.NewResponseController(w), request: r, caller: r.Context(), stall: stall}
	if r.ContentLength != 0 && r.Body != nil {
		x.body = &body{ReadCloser: r.Body, while: x.caller, control: x.control, stall: stall, rests: r.ProtoMajor == 2 && isGRPC(r.Header)}
		r.Body = x.body
	}
	return x
}

// Unwrap is for http.ResponseController.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

func (x *exchange) WriteHeader(status int) {
	if status >= 200 {
		x.status = status
		if h := x.Header(); h["Content-Type"] == nil {
			h["Content-Type"] = nil // or net/http guesses
		}
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
	if x.body != nil {
		x.body.while = r.Context()
		if r.ProtoMajor == 1 {
			_ = x.control.EnableFullDuplex()
		}
	}
	x.request = r
	return r
}

// end is called last.
func (x *exchange) end() {
	if x.body != nil {
		x.body.end()
	}
}

// cut is why the verifier ended a request, or nil.
func cut(ctx context.Context) *verify.Refusal {
	var why *verify.Refusal
	errors.As(context.Cause(ctx), &why)
	return why
}
