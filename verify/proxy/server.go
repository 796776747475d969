package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/netutil"
)

// Listener is how callers reach a handler, and what they may use up. Zero
// values stand for sensible limits.
type Listener struct {
	Address string // host:port
	// TLS, of package certs for one. Nil is none: then HTTP/2 is spoken by
	// prior knowledge, as gRPC does.
	TLS            *tls.Config
	MaxConnections int           // more wait to be taken; 10,000
	MaxHeaderBytes int           // 32 KiB
	HeaderTimeout  time.Duration // for a whole request header, and for the TLS handshake; 10 s
	IdleTimeout    time.Duration // between requests; 2 min
	Stall          time.Duration // for an answer that is not taken, see [Config]; a minute
	// Drain is how long requests may go on when the listener is to end. Then
	// they are cut. 30 s.
	Drain time.Duration
	// OnError is told of what net/http has to say about connections. Nil
	// ignores it: most of it is callers' noise.
	OnError func(string)
}

func (l *Listener) complete() {
	for _, d := range []struct {
		value *time.Duration
		zero  time.Duration
	}{{&l.HeaderTimeout, 10 * time.Second}, {&l.IdleTimeout, 2 * time.Minute}, {&l.Stall, time.Minute}, {&l.Drain, 30 * time.Second}} {
		if *d.value <= 0 {
			*d.value = d.zero
		}
	}
	if l.MaxConnections <= 0 {
		l.MaxConnections = 10_000
	}
	if l.MaxHeaderBytes <= 0 {
		l.MaxHeaderBytes = 32 << 10
	}
	if l.OnError == nil {
		l.OnError = func(string) {}
	}
}

// errEnding is why requests are cut that outlast Drain.
var errEnding = errors.New("the proxy is shutting down")

// Listen opens the address.
func (l *Listener) Listen() (net.Listener, error) { return net.Listen("tcp", l.Address) }

// Serve serves connections of from until ctx ends. Then it takes no more,
// lets requests end for as long as Drain, and cuts the rest.
func (l Listener) Serve(ctx context.Context, from net.Listener, h http.Handler) error {
	l.complete()
	requests, end := context.WithCancelCause(context.WithoutCancel(ctx))
	cut := func() { end(errEnding) }
	defer cut()
	var open sync.WaitGroup // upgraded ones too, which the server does not wait for
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			open.Add(1)
			defer open.Done()
			h.ServeHTTP(w, r)
		}),
		TLSConfig:         l.TLS,
		ReadHeaderTimeout: l.HeaderTimeout,
		IdleTimeout:       l.IdleTimeout,
		WriteTimeout:      l.Stall, // of answers that are not forwarded; forwarded ones extend it
		MaxHeaderBytes:    l.MaxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return requests },
		ErrorLog:          log.New(noise(l.OnError), "", 0),
		Protocols:         new(http.Protocols),
		HTTP2:             &http.HTTP2Config{SendPingTimeout: time.Minute, PingTimeout: 15 * time.Second, WriteByteTimeout: l.Stall},
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(l.TLS != nil)
	server.Protocols.SetUnencryptedHTTP2(l.TLS == nil)
	from = netutil.LimitListener(from, l.MaxConnections)
	ended := make(chan error, 1)
	go func() {
		if l.TLS != nil {
			ended <- server.ServeTLS(from, "", "")
		} else {
			ended <- server.Serve(from)
		}
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	force := time.AfterFunc(l.Drain, cut)
	defer force.Stop()
	_ = server.Shutdown(requests)
	done := make(chan struct{})
	go func() {
		open.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-requests.Done():
	}
	told, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer stop()
	_ = server.Shutdown(told) // what a handler says goes out after it has ended
	select {
	case <-done:
	case <-told.Done():
	}
	return server.Close()
}

type noise func(string)

func (n noise) Write(line []byte) (int, error) {
	n(string(line))
	return len(line), nil
}
