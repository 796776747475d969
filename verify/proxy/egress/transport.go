// Package egress gives the requests of a workload that knows nothing of ramp a
// credential on their way to an upstream. It fetches the credential, renews it,
// and has the next ready before it ends.
package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// Config says where requests go, and with which credential.
type Config struct {
	// Upstream is the URL of the service: https; or, on loopback, http, or h2c
	// for HTTP/2 without TLS, which gRPC needs. Nothing but this host gets the
	// credential.
	Upstream string
	// Plaintext allows an Upstream that is neither: whoever listens on the way
	// there can take the credential.
	Plaintext bool
	// Source mints the credential.
	Source Source
	// Proof binds the credential to a key. Empty means None.
	Proof Proof
	// TLS is how to connect to the upstream: which authorities to trust. Nil
	// means those of the system.
	TLS *tls.Config
	// Certificate is the client certificate; nil when there is none. It is asked again now and then, and a new one means new
	// connections and a new credential.
	Certificate func() (*tls.Certificate, error)
	// OnError is told when a credential cannot be had, renewed or revoked, in
	// words for a log, and OnRecovery when it works again. Nil ignores them.
	OnError    func(error)
	OnRecovery func()
}

// Transport is an [http.RoundTripper] that adds a credential to requests to
// its upstream. A request that the upstream refuses because the credential is
// dead is sent once more with a new one, if its body can be sent again:
// because it has GetBody, or at most 64 KiB of known length. One that lacks a
// scope is not sent again, but it makes the transport ask whether there is more
// to be had by now. Requests to others, such as those a redirect names, pass without credential.
type Transport struct {
	config   Config
	scheme   string // https, http or h2c
	url      *url.URL
	upstream *http.Transport
	keeper   *keeper
	counts   *counts
	stop     context.CancelFunc
	done     chan struct{}
}

// Check says what is wrong with a configuration, but for its Source.
func (c Config) Check() error {
	_, err := c.check()
	return err
}

func (c *Config) check() (*url.URL, error) {
	u, err := checkUpstream(c.Upstream, c.Plaintext)
	switch {
	case err != nil:
		return nil, err
	case c.Proof == MTLS && (c.Certificate == nil || u.Scheme != "https"):
		return nil, errors.New("egress: proof mtls needs a client certificate and an https upstream")
	case c.Proof != "" && c.Proof != None && c.Proof != DPoP && c.Proof != MTLS:
		return nil, fmt.Errorf("egress: proof is %.40q, use none, dpop or mtls", c.Proof)
	}
	return u, nil
}

// New starts to fetch a credential, and keeps one until Close is called.
func New(c Config) (*Transport, error) {
	u, err := c.check()
	if err != nil {
		return nil, err
	}
	if c.Source == nil {
		return nil, errors.New("egress: Config needs a Source")
	}
	if c.OnError == nil {
		c.OnError = func(error) {}
	}
	if c.OnRecovery == nil {
		c.OnRecovery = func() {}
	}
	t := &Transport{config: c, scheme: u.Scheme, url: u, upstream: newUpstream(u.Scheme, c.TLS, nil), done: make(chan struct{})}
	if u.Scheme == "h2c" {
		u.Scheme = "http"
	}
	t.keeper = newKeeper(c.Source, t.bind)
	t.keeper.onError, t.keeper.onRecovery = c.OnError, c.OnRecovery
	t.counts = &t.keeper.counts
	ctx, stop := context.WithCancel(context.Background())
	t.stop = stop
	go func() {
		defer close(t.done)
		t.keeper.run(ctx)
	}()
	return t, nil
}

// Close revokes the credential. Finish the requests first.
func (t *Transport) Close() {
	t.stop()
	<-t.done
	t.upstream.CloseIdleConnections()
}

// Wait returns nil when there is a credential, and else why there is none, or
// no other for one that the upstream calls dead. It waits while the answer is
// awaited.
func (t *Transport) Wait(ctx context.Context) error {
	h, err := t.keeper.current(ctx)
	if err != nil {
		return err
	}
	h.done()
	if s := t.keeper.state.Load(); s.held != nil && s.held.dead() && s.err != nil {
		return fmt.Errorf("the upstream refuses the credential, and there is no other: %w", s.err)
	}
	return nil
}

// NoCredential is the error of a request that was not sent, because there is
// no credential for it.
type NoCredential struct{ Err error }

func (e *NoCredential) Error() string { return "no credential: " + e.Err.Error() }
func (e *NoCredential) Unwrap() error { return e.Err }

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != t.url.Scheme || !strings.EqualFold(req.URL.Host, t.url.Host) {
		return t.upstream.RoundTrip(req)
	}
	t.counts.requests.Add(1)
	body, err := newBody(req)
	if err != nil {
		return nil, err
	}
	h, err := t.keeper.current(req.Context())
	if err != nil {
		body.close()
		return nil, err
	}
	resp, err := h.send(req, body)
	if err == nil && challenged(resp, http.StatusForbidden, "insufficient_scope") {
		t.keeper.outgrown()
	}
	if err != nil || !challenged(resp, http.StatusUnauthorized, "invalid_token") || !body.again() {
		return resp, err
	}
	next, err := t.keeper.replacement(req.Context(), h)
	switch {
	case errors.As(err, new(*Denied)):
		_ = resp.Body.Close()
		return nil, err
	case err != nil:
		return resp, nil // what the upstream said is all we know
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10) // so that the connection can be used again
	_ = resp.Body.Close()
	t.counts.repeated.Add(1)
	return next.send(req, body)
}

// send sends a request with the credential, which is in use until the body of
// the answer is closed.
func (h *held) send(req *http.Request, b *body) (*http.Response, error) {
	resp, err := h.trySend(req, b)
	if err != nil {
		b.close()
		h.done()
		return nil, err
	}
	resp.Body = inUse(resp.Body, sync.OnceFunc(h.done))
	return resp, nil
}

func (h *held) trySend(req *http.Request, b *body) (*http.Response, error) {
	out := req.Clone(req.Context())
	out.Header.Del("DPoP")
	out.Header.Set("Authorization", h.Type+" "+h.Token)
	if h.binding.signer != nil {
		proof, err := h.binding.signer.prove(out, h.Token)
		if err != nil {
			return nil, err
		}
		out.Header.Set("DPoP", proof)
	}
	var err error
	if out.Body, err = b.open(); err != nil {
		return nil, err
	}
	out.GetBody = b.next // for HTTP/2, when the upstream ends the connection before it has looked at the request
	return h.binding.upstream.RoundTrip(out)
}

// challenged reports whether the upstream refused a request for this reason,
// RFC 6750 section 3.1. A refused request may be repeated.
func challenged(resp *http.Response, status int, code string) bool {
	if resp.StatusCode != status {
		return false
	}
	for _, challenge := range resp.Header.Values("WWW-Authenticate") {
		if strings.Contains(challenge, `error="`+code+`"`) {
			return true
		}
	}
	return false
}
