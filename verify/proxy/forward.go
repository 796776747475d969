package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/http1"
)

const requestIDHeader = gate.Prefix + "Request-Id"

// Of connections to the service.
const (
	maxHead     = 1 << 20 // bytes of an answer
	maxIdle     = 1024
	idleTimeout = 90 * time.Second
)

// forwarder sends accepted requests on, byte for byte in target and body, and
// streams both ways.
type forwarder struct {
	httputil.ReverseProxy
	plain, grpc *http.Transport
	direct      *http1.Transport // for what it takes; nil when the service may speak HTTP/2
}

func newForwarder(target *url.URL, u Upstream) *forwarder {
	f := &forwarder{plain: newTransport(target.Scheme, u), grpc: newTransport(target.Scheme, u)}
	f.grpc.ResponseHeaderTimeout = 0 // the head of an answer comes with the first message
	if target.Scheme == "http" {
		f.direct = newDirect(target, f.plain.DialContext, u.Timeout)
	}
	scheme := strings.Replace(target.Scheme, "h2c", "http", 1)
	f.ReverseProxy = httputil.ReverseProxy{
		Transport:     f,
		FlushInterval: 10 * time.Millisecond, // when the service tells the length; else at once
		BufferPool:    &buffers{},
		ErrorLog:      log.New(io.Discard, "", 0), // the access log has it
		ErrorHandler:  func(w http.ResponseWriter, r *http.Request, err error) { w.(*exchange).fail(r, err) },
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.URL.RawQuery = scheme, target.Host, r.In.URL.RawQuery
			r.Out.Host = r.In.Host
			if u.Host != "" {
				r.Out.Host = u.Host
			}
			r.SetXForwarded()
		},
		ModifyResponse: func(r *http.Response) error {
			withTrailers(r)
			r.Header[requestIDHeader] = r.Request.Header[requestIDHeader]
			return nil
		},
	}
	return f
}

func newTransport(scheme string, u Upstream) *http.Transport {
	t := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        u.TLS.Clone(),
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  u.Timeout,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHead,
		DisableCompression:     true, // what the caller accepts is the caller's affair
		Protocols:              new(http.Protocols),
	}
	t.Protocols.SetHTTP1(scheme != "h2c")
	t.Protocols.SetHTTP2(scheme == "https")
	t.Protocols.SetUnencryptedHTTP2(scheme == "h2c")
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return t
}

func newDirect(target *url.URL, dial func(context.Context, string, string) (net.Conn, error), timeout time.Duration) *http1.Transport {
	address := target.Host
	if target.Port() == "" {
		address = net.JoinHostPort(target.Hostname(), "80")
	}
	return &http1.Transport{
		Dial:    func(ctx context.Context) (net.Conn, error) { return dial(ctx, "tcp", address) },
		Timeout: timeout, MaxHead: maxHead, MaxIdle: maxIdle, IdleTimeout: idleTimeout,
	}
}

// RoundTrip implements http.RoundTripper.
func (f *forwarder) RoundTrip(r *http.Request) (*http.Response, error) {
	if isGRPC(r.Header) {
		return f.grpc.RoundTrip(r)
	}
	if f.direct != nil && http1.Takes(r) {
		return f.direct.RoundTrip(r)
	}
	if err := keepSmall(r); err != nil {
		return nil, err
	}
	return f.plain.RoundTrip(r)
}

// keepSmall reads a small body of known length, so that HTTP/2 can send it
// again when the service ends the connection before it has looked at the
// request.
func keepSmall(r *http.Request) error {
	if r.ContentLength <= 0 || r.ContentLength > http1.MaxBody || r.Header["Expect"] != nil {
		return nil
	}
	kept := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, kept); err != nil {
		return err
	}
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(kept)), nil }
	r.Body, _ = r.GetBody()
	return nil
}

// withTrailers turns a gRPC answer of trailers only, which must be one frame
// that ends the stream, into one of headers and trailers: flushed as soon as it
// comes, it would be neither.
func withTrailers(r *http.Response) {
	if !isGRPC(r.Header) || r.Header["Grpc-Status"] == nil || len(r.Trailer) > 0 {
		return
	}
	r.Trailer = make(http.Header, len(r.Header))
	for name, values := range r.Header {
		if name != "Content-Type" && name != "Content-Length" && name != "Date" {
			r.Trailer[name] = values
			delete(r.Header, name)
		}
	}
}

// isGRPC is not true of gRPC-Web, which is plain HTTP.
func isGRPC(h http.Header) bool {
	kind := h.Get("Content-Type")
	return strings.HasPrefix(kind, "application/grpc") && !strings.HasPrefix(kind, "application/grpc-web")
}

func (f *forwarder) closeIdle() {
	f.plain.CloseIdleConnections()
	f.grpc.CloseIdleConnections()
	if f.direct != nil {
		f.direct.CloseIdleConnections()
	}
}

// buffers are what bodies are copied through.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if kept, ok := b.pool.Get().(*[]byte); ok {
		return *kept
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(buffer []byte) { b.pool.Put(&buffer) }
