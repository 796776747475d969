package proxy

import (
	"net/http"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
)

// Admin serves /healthz (200 while the process lives), /readyz (200 or 503,
// see [Proxy.Ready]) and /metrics. It belongs on an address of its own, which
// callers do not reach. Metrics may be nil.
func (p *Proxy) Admin(m *gate.Metrics) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := p.Ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ready\n"))
	})
	if m != nil {
		mux.Handle("GET /metrics", m.Handler())
	}
	return mux
}
