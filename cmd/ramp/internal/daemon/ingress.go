package daemon

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/extauthz"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
)

// entrance is what stands before the service: a proxy, and an answer for Envoy,
// or recorded refusals as long as the issuer could not be reached once.
type entrance struct {
	closed http.Handler // answers until it is ready
	authz  *extauthz.Server
	ready  atomic.Pointer[entered]
	why    atomic.Pointer[error] // it is not ready
}

type entered struct {
	verifier *verify.Verifier
	known    verify.Config
	proxy    *proxy.Proxy // nil without upstream
	gate     *gate.Gate
	file     *Config
}

// enter makes an entrance ready by a configuration: the verifier stays if it
// is asked the same, and so do the requests that have begun. The old verifier
// is returned when it is not needed any more.
func (e *entrance) enter(ctx context.Context, c *Config, known verify.Config, g gate.Config) (old *verify.Verifier, err error) {
	have := e.ready.Load()
	next := &entered{known: known, file: c}
	if have != nil && sameIssuer(have.file, c) {
		next.verifier = have.verifier
	} else if next.verifier, err = verify.New(ctx, known); err != nil {
		return nil, err
	}
	g.Verifier = next.verifier
	if err := next.build(have, c, g); err != nil {
		if have == nil || next.verifier != have.verifier {
			next.verifier.Close()
		}
		return nil, err
	}
	g.Metrics.Follow(next.verifier) // without upstream there is no proxy that does
	e.authz.Swap(next.gate)
	e.ready.Store(next)
	if have != nil && have.verifier != next.verifier {
		return have.verifier, nil
	}
	return nil, nil
}

func (n *entered) build(have *entered, c *Config, g gate.Config) (err error) {
	if n.gate, err = gate.New(g); err != nil {
		return err
	}
	if c.Ingress.Upstream == "" {
		return nil
	}
	settings, err := c.Ingress.proxy(g)
	if err != nil {
		return err
	}
	if have != nil && have.proxy != nil {
		n.proxy = have.proxy
		return n.proxy.Swap(settings)
	}
	n.proxy, err = proxy.New(settings)
	return err
}

// sameIssuer reports whether two configurations want the same verifier.
func sameIssuer(a, b *Config) bool {
	terms := func(c *Config) any {
		in := c.Ingress
		return []any{c.Issuer, c.Audience, in.Origin, in.Endpoints, in.Relays, in.CA, in.MaxStaleness, in.AcceptStale}
	}
	return same(terms(a), terms(b))
}

// await enters as soon as the issuer can be reached, and says why not when
// that changes.
func (e *entrance) await(ctx context.Context, enter func() error, tell func(error)) {
	said := ""
	for pause := 250 * time.Millisecond; e.ready.Load() == nil; pause = min(2*pause, 5*time.Second) {
		err := enter()
		if err == nil || ctx.Err() != nil {
			return
		}
		e.why.Store(&err)
		if err.Error() != said {
			said = err.Error()
			tell(err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// ServeHTTP implements [http.Handler].
func (e *entrance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if now := e.ready.Load(); now != nil && now.proxy != nil {
		now.proxy.ServeHTTP(w, r)
		return
	}
	e.closed.ServeHTTP(w, r)
}

// close refuses and records requests until the entrance is ready.
func (e *entrance) close(c gate.Config) {
	g := gate.Closed(c, gate.Refusal{Status: http.StatusServiceUnavailable, Reason: string(verify.Stale), Message: errNotReached.Error()})
	e.closed, e.authz = proxy.Closed(g), extauthz.New(g)
}

var errNotReached = errors.New("the issuer has not been reached yet")

// fresh returns nil, or why requests are refused.
func (e *entrance) fresh() error {
	now := e.ready.Load()
	switch why := e.why.Load(); {
	case now != nil && now.proxy != nil:
		return now.proxy.Ready()
	case now != nil:
		return now.verifier.Fresh()
	case why != nil:
		return *why
	}
	return errNotReached
}
