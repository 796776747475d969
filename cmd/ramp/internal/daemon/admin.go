package daemon

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// readiness is nil when every request can be served, as far as this proxy
// knows.
func (d *Daemon) readiness() error {
	if d.ending.Load() {
		return errors.New("shutting down")
	}
	d.mu.Lock()
	c, out := d.config, d.exits
	d.mu.Unlock()
	ctx, stop := context.WithTimeout(context.Background(), time.Millisecond)
	defer stop()
	err := out.ready(ctx)
	if c.Ingress != nil {
		err = errors.Join(d.entrance.fresh(), err)
	}
	return err
}

// admin serves /healthz, /readyz and /metrics.
func (d *Daemon) admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := d.readiness(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ready\n"))
	})
	mux.Handle("GET /metrics", d.metrics.Handler())
	return mux
}

var (
	egressRequests = describe("ramp_egress_requests_total", "Requests for the upstream.")
	egressRepeated = describe("ramp_egress_repeated_total", "Requests sent again because the credential was dead.")
	egressFetched  = describe("ramp_egress_fetched_total", "Credentials fetched.")
	egressRenewed  = describe("ramp_egress_renewed_total", "Leases renewed.")
	egressFailed   = describe("ramp_egress_failed_total", "Attempts to fetch or renew that failed.")
	egressLeft     = describe("ramp_egress_lease_seconds", "What is left of the lease; 0 without a credential.")
)

func describe(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, []string{"egress"}, nil)
}

// Describe implements [prometheus.Collector].
func (d *Daemon) Describe(to chan<- *prometheus.Desc) {
	for _, one := range []*prometheus.Desc{egressRequests, egressRepeated, egressFetched, egressRenewed, egressFailed, egressLeft} {
		to <- one
	}
}

// Collect implements [prometheus.Collector].
func (d *Daemon) Collect(to chan<- prometheus.Metric) {
	d.mu.Lock()
	ways := d.exits.ways
	d.mu.Unlock()
	for name, w := range ways {
		s := w.Stats()
		for _, m := range []struct {
			desc  *prometheus.Desc
			value uint64
		}{{egressRequests, s.Requests}, {egressRepeated, s.Repeated}, {egressFetched, s.Fetched}, {egressRenewed, s.Renewed}, {egressFailed, s.Failed}} {
			to <- prometheus.MustNewConstMetric(m.desc, prometheus.CounterValue, float64(m.value), name)
		}
		to <- prometheus.MustNewConstMetric(egressLeft, prometheus.GaugeValue, s.Left.Seconds(), name)
	}
}
