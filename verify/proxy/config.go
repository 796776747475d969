package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
)

// Config says what a proxy lets through, and where to.
type Config struct {
	// Gate decides. Its log, evidence and metrics may be shared by successive
	// configurations of one proxy.
	Gate gate.Config
	// Upstream is the service.
	Upstream Upstream
	// MaxRequests at once, streams included; more are answered with 503. Zero
	// means 1000.
	MaxRequests int
	// MaxRequestsPerCaller of these. Zero means half of MaxRequests, so that no
	// caller alone can fill the proxy.
	MaxRequestsPerCaller int
	// Stall is for how long a caller may not send the next part of a body that
	// is read, or not take the next part of an answer. Zero means a minute.
	// Bodies of gRPC requests and upgraded connections may rest for longer.
	Stall time.Duration
}

const usualStall = time.Minute

// Upstream is where requests go that are accepted.
type Upstream struct {
	// URL is scheme and host: http://127.0.0.1:8080, https://…, or h2c://…
	// for HTTP/2 without TLS, which gRPC needs.
	URL string
	// TLS of connections to https upstreams. Nil is the system's trust.
	TLS *tls.Config
	// Host to send instead of the one that the caller sent. "" keeps that.
	Host string
	// Timeout for a connection is ten seconds. This one is from the end of the
	// request to the head of the answer; gRPC has none. Zero means a minute.
	Timeout time.Duration
}

func (c *Config) complete() (*url.URL, error) {
	if c.Gate.Verifier == nil {
		return nil, errors.New("proxy: Config needs a Verifier")
	}
	u, err := url.Parse(c.Upstream.URL)
	if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("proxy: upstream %.200q is not scheme and host, such as http://127.0.0.1:8080", c.Upstream.URL)
	}
	if u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "h2c" {
		return nil, fmt.Errorf("proxy: upstream %.200q: the scheme must be http, https or h2c", c.Upstream.URL)
	}
	if c.MaxRequests < 0 || c.MaxRequestsPerCaller < 0 || c.Stall < 0 || c.Upstream.Timeout < 0 {
		return nil, errors.New("proxy: limits must not be negative")
	}
	if c.MaxRequests == 0 {
		c.MaxRequests = 1000
	}
	if c.MaxRequestsPerCaller == 0 {
		c.MaxRequestsPerCaller = (c.MaxRequests + 1) / 2
	}
	if c.Stall == 0 {
		c.Stall = usualStall
	}
	if c.Upstream.Timeout == 0 {
		c.Upstream.Timeout = time.Minute
	}
	return u, nil
}
