package relay

import (
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler serves the feed and the documents on the path of the issuer URL, and
// /healthz and /metrics.
func (r *Relay) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+r.path+"/feed", r.serveFeed)
	mux.HandleFunc("GET "+r.path+"/", r.serveDocument)
	mux.HandleFunc("GET /healthz", r.serveHealth)
	mux.Handle("GET /metrics", promhttp.HandlerFor(r.metrics.registry, promhttp.HandlerOpts{}))
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.ContentLength != 0 { // whoever sends a body slowly would hold a connection
			_ = http.NewResponseController(w).SetReadDeadline(time.Now())
			http.Error(w, "no request here has a body", http.StatusBadRequest)
			return
		}
		mux.ServeHTTP(w, req)
	})
}

// Server serves the relay with limits against slow and big clients.
func (r *Relay) Server() *http.Server {
	return &http.Server{
		Handler:           r.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		WriteTimeout:      r.config.MaxWait + fetchIn + 30*time.Second, // from the request on
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    8 << 10,
	}
}

func (r *Relay) serveHealth(w http.ResponseWriter, _ *http.Request) {
	if err := r.follower.Fresh(); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	_, _ = fmt.Fprintln(w, "ok")
}
