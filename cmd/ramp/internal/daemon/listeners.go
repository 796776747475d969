package daemon

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy"
)

// listeners are open addresses. A reload changes what answers there without
// closing any.
type listeners struct {
	log    *slog.Logger
	ending *atomic.Bool         // no connection is kept any more
	open   map[string]*listener // by address
	all    sync.WaitGroup       // that serve, or end
}

type listener struct {
	socket  net.Listener
	terms   any // what a change of makes another listener on the same socket
	handler atomic.Pointer[http.Handler]
	ending  *atomic.Bool
	stop    context.CancelFunc
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if l.ending.Load() && r.Header["Upgrade"] == nil {
		w.Header().Set("Connection", "close") // callers go elsewhere; with HTTP/2 net/http says so by GOAWAY
	}
	(*l.handler.Load()).ServeHTTP(w, r)
}

// wanted is a listener to have.
type wanted struct {
	proxy.Listener
	terms   any
	bind    func() (net.Listener, error)
	handler http.Handler
}

// prepare opens the sockets of what is wanted and not there yet. Where other
// terms are wanted it is the same socket, so that nobody who connects is turned
// away. Either all of them open, or none does.
func (ls *listeners) prepare(all []wanted) (opened map[string]net.Listener, err error) {
	opened = map[string]net.Listener{}
	for _, w := range all {
		have := ls.open[w.Address]
		switch {
		case have == nil:
			opened[w.Address], err = w.bind()
		case !same(have.terms, w.terms):
			opened[w.Address], err = duplicate(have.socket)
		}
		if err != nil {
			delete(opened, w.Address)
			for _, l := range opened {
				_ = l.Close()
			}
			return nil, err
		}
	}
	return opened, nil
}

// turn makes the listeners those that are wanted. Of the others, requests that
// have begun go on.
func (ls *listeners) turn(opened map[string]net.Listener, all []wanted) {
	keep := map[string]*listener{}
	for _, w := range all {
		if socket := opened[w.Address]; socket != nil {
			keep[w.Address] = ls.serve(socket, w)
			continue
		}
		keep[w.Address] = ls.open[w.Address]
		keep[w.Address].handler.Store(&w.handler)
		delete(ls.open, w.Address)
	}
	for _, unwanted := range ls.open {
		unwanted.stop()
	}
	ls.open = keep
}

func (ls *listeners) serve(socket net.Listener, w wanted) *listener {
	ctx, stop := context.WithCancel(context.Background())
	l := &listener{socket: socket, terms: w.terms, ending: ls.ending, stop: stop}
	l.handler.Store(&w.handler)
	ls.log.Info("listening", "address", socket.Addr().String())
	ls.all.Go(func() {
		if err := w.Serve(ctx, socket, l); err != nil {
			ls.log.Error("listener ended", "address", w.Address, "error", err)
		}
	})
	return l
}

// close ends all of them, and returns when their requests have ended.
func (ls *listeners) close() {
	for _, l := range ls.open {
		l.stop()
	}
	ls.all.Wait()
}

func duplicate(l net.Listener) (net.Listener, error) {
	file, err := l.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	return net.FileListener(file)
}
