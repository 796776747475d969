// Package proxy is the identity-aware reverse proxy: a handler that lets
// requests through to a service when a gate accepts them, and tells the
// service who is calling.
package proxy

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
)

// watchAfter is how long a request lasts before its token is watched: most
// have ended by then.
const watchAfter = 500 * time.Millisecond

// Proxy is the handler. It is safe for concurrent use.
type Proxy struct {
	current atomic.Pointer[configured]
	open    atomic.Int64 // requests
	share   share
}

// configured is a compiled configuration. A request keeps the one it began with.
type configured struct {
	Config
	gate    *gate.Gate
	forward *forwarder
}

// New compiles a configuration; the error says what is wrong with it.
func New(c Config) (*Proxy, error) {
	p := &Proxy{}
	if err := p.Swap(c); err != nil {
		return nil, err
	}
	if m := c.Gate.Metrics; m != nil {
		m.Gauge("ramp_proxy_requests_open", "Requests that have not been answered to the end.", func() float64 { return float64(p.open.Load()) })
	}
	return p, nil
}

// Swap goes on with another configuration, or with the old one when it has an
// error. Requests that have begun end under the old one: keep its verifier
// open until then.
func (p *Proxy) Swap(c Config) error {
	target, err := c.complete()
	if err != nil {
		return err
	}
	g, err := gate.New(c.Gate)
	if err != nil {
		return err
	}
	old := p.current.Swap(&configured{c, g, newForwarder(target, c.Upstream)})
	if old != nil {
		old.forward.closeIdle()
	}
	if c.Gate.Metrics != nil {
		c.Gate.Metrics.Follow(c.Gate.Verifier)
	}
	return nil
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := p.current.Load()
	x := newExchange(w, r, c.Stall)
	defer p.open.Add(-1)
	var d *gate.Decision
	if p.open.Add(1) > int64(c.MaxRequests) {
		d = gate.Refuse(busy("too many requests at once"))
	} else {
		clean(r)
		d = c.gate.Decide(r)
	}
	if d.Refusal == nil && d.Identity != nil {
		if caller := d.Identity.Caller; p.share.enter(caller, c.MaxRequestsPerCaller) {
			defer p.share.leave(caller)
		} else {
			d.Refusal = busy("too many requests of this caller at once")
		}
	}
	defer func() {
		broken := recover()
		c.gate.Done(r, d, x.answer(broken))
		x.end()
		if broken != nil {
			panic(broken)
		}
	}()
	if d.Refusal != nil {
		x.refuse(d.RequestID, d.Refusal)
		return
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	if d.Identity != nil {
		defer c.watch(ctx, d.Identity, cancel).Stop()
	}
	c.forward.ServeHTTP(x, x.streaming(r.WithContext(ctx)))
}

func busy(why string) *gate.Refusal {
	return &gate.Refusal{Status: http.StatusServiceUnavailable, Reason: gate.ReasonBusy, Message: why}
}

// watch cuts a request that outlives the token it was accepted for.
func (c *configured) watch(ctx context.Context, id *verify.Identity, cut context.CancelCauseFunc) *time.Timer {
	return time.AfterFunc(watchAfter, func() {
		watched, stop := c.Gate.Verifier.Watch(ctx, id)
		defer stop()
		<-watched.Done()
		cut(context.Cause(watched))
	})
}

// Ready returns nil, or an error that says why requests are refused for now.
func (p *Proxy) Ready() error {
	c := p.current.Load()
	if p.open.Load() >= int64(c.MaxRequests) {
		return errors.New("too many requests at once")
	}
	return c.Gate.Verifier.Fresh()
}
