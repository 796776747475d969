package proxy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"strconv"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
)

// Reasons of failures.
const (
	ReasonCut        = "cut"              // the token died meanwhile
	ReasonEnding     = "ending"           // the proxy was shut down
	ReasonCallerGone = "caller_gone"      // the caller closed the connection, or stalled
	ReasonBody       = "body"             // the caller sent a body that cannot be read to its end
	ReasonTimeout    = "upstream_timeout" //
	ReasonUpstream   = "upstream_failed"  //
	ReasonBrokenOff  = "upstream_broken"  // in the middle of the answer
)

// refuse answers a request that is not forwarded.
func (x *exchange) refuse(requestID string, why *gate.Refusal) {
	x.say(requestID, why, why.Text())
}

func (x *exchange) say(requestID string, why *gate.Refusal, text string) {
	h := x.Header()
	maps.Copy(h, why.Header())
	h.Set(requestIDHeader, requestID)
	if x.request.ProtoMajor == 2 && isGRPC(x.request.Header) {
		x.sayGRPC(why.Status, text)
		return
	}
	http.Error(x, text, why.Status)
}

// sayGRPC answers in the form that gRPC clients read.
func (x *exchange) sayGRPC(status int, text string) {
	h := x.Header()
	h.Set("Content-Type", "application/grpc")
	h.Set("Grpc-Status", strconv.Itoa(grpcCode(status)))
	h.Set("Grpc-Message", gate.Printable(text))
	x.ResponseWriter.WriteHeader(http.StatusOK)
	x.status = status
}

// grpcCode is the one that gRPC's mapping of HTTP statuses gives, with 400, 405
// and 504 where they belong.
func grpcCode(status int) int {
	switch status {
	case http.StatusBadRequest:
		return 3 // INVALID_ARGUMENT
	case http.StatusUnauthorized:
		return 16 // UNAUTHENTICATED
	case http.StatusForbidden:
		return 7 // PERMISSION_DENIED
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return 12 // UNIMPLEMENTED
	case http.StatusGatewayTimeout:
		return 4 // DEADLINE_EXCEEDED
	}
	return 14 // UNAVAILABLE
}

// fail answers a request that could not be forwarded. The caller is not told
// details, the log is.
func (x *exchange) fail(r *http.Request, err error) {
	var timeout net.Error
	status, text := http.StatusBadGateway, "the service cannot be reached"
	why := &gate.Refusal{Reason: ReasonUpstream, Message: err.Error()}
	switch died := cut(r.Context()); {
	case died != nil:
		why = &gate.Refusal{Reason: ReasonCut, Message: died.Message, Challenge: died.Challenge()}
		status, text = died.Status(), died.Error()
	case x.body.err() != nil:
		why.Reason, status, text = ReasonBody, http.StatusBadRequest, "the body of the request could not be read"
		if errors.Is(x.body.err(), os.ErrDeadlineExceeded) {
			status, text = http.StatusRequestTimeout, "the body of the request did not come"
		}
	case errors.Is(context.Cause(x.caller), errEnding):
		why.Reason, why.Message = ReasonEnding, errEnding.Error()
		status, text = http.StatusServiceUnavailable, errEnding.Error()
	case errors.Is(err, context.Canceled):
		why.Reason, why.Message = ReasonCallerGone, "the caller closed the connection"
	case errors.As(err, &timeout) && timeout.Timeout():
		why.Reason, status, text = ReasonTimeout, http.StatusGatewayTimeout, "the service did not answer in time"
	}
	why.Status = status
	x.failure = why
	x.say(r.Header.Get(requestIDHeader), why, text)
}

// answer is what there is to record, after a panic of the forwarder too: it
// breaks off answers that way.
func (x *exchange) answer(panicked any) gate.Answer {
	a := gate.Answer{Status: x.status, Sent: x.sent, Upgraded: x.upgraded, Failure: x.failure}
	if x.body != nil {
		a.Received = x.body.received.Load()
	}
	if died := cut(x.request.Context()); died != nil && a.Failure == nil {
		a.Failure = &gate.Refusal{Reason: ReasonCut, Message: died.Message}
	}
	switch {
	case panicked == nil || a.Failure != nil:
	case panicked != http.ErrAbortHandler: //nolint:errorlint // a panic is compared as net/http does
		a.Failure = &gate.Refusal{Reason: "panic", Message: fmt.Sprintf("%T", panicked)}
	case errors.Is(context.Cause(x.caller), errEnding):
		a.Failure = &gate.Refusal{Reason: ReasonEnding, Message: errEnding.Error()}
	case x.writing != nil || x.caller.Err() != nil:
		a.Failure = &gate.Refusal{Reason: ReasonCallerGone, Message: "the caller closed the connection, or did not read the answer"}
	default:
		a.Failure = &gate.Refusal{Reason: ReasonBrokenOff, Message: "the service broke off its answer"}
	}
	return a
}
