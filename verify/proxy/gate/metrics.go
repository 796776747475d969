package gate

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/accesslog"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/evidence"
)

// Metrics of a gate, in Prometheus' form. No label takes a value from a
// request: routes are the patterns of the configuration.
type Metrics struct {
	// Registry takes further metrics.
	Registry *prometheus.Registry

	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	verifier atomic.Pointer[verify.Verifier]
}

// NewMetrics makes metrics that tell of a log and of evidence, too. Both may
// be nil.
func NewMetrics(log *accesslog.Log, counter *evidence.Counter) *Metrics {
	m := &Metrics{
		Registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ramp_requests_total", Help: "Requests by route, outcome (accepted, refused, failed), reason and class of status.",
		}, []string{"route", "outcome", "reason", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ramp_request_duration_seconds", Help: "From the request to the end of the answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60},
		}, []string{"route"}),
	}
	m.Registry.MustRegister(m.requests, m.duration, &verifierStats{&m.verifier})
	if log != nil {
		m.Gauge("ramp_log_queue", "Entries of the access log that wait to be written.", func() float64 { return float64(log.Depth()) })
		m.Counter("ramp_log_written_total", "Entries of the access log that were written.", func() float64 { return float64(log.Written()) })
		m.Counter("ramp_log_dropped_total", "Entries of the access log that were dropped.", func() float64 { return float64(log.Dropped()) })
	}
	if counter != nil {
		m.Gauge("ramp_evidence_callers", "Callers with evidence that waits to be reported.", func() float64 { return float64(counter.Callers()) })
		m.Counter("ramp_evidence_lost_total", "Requests that are in no evidence.", func() float64 { return float64(counter.Lost()) })
	}
	return m
}

// Gauge adds a gauge, Counter a counter, that is read when asked for.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

func (m *Metrics) Counter(name, help string, read func() float64) {
	m.Registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, read))
}

// Follow tells of this verifier from now on.
func (m *Metrics) Follow(v *verify.Verifier) { m.verifier.Store(v) }

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{})
}

func (m *Metrics) observe(route, outcome, reason string, status int, took time.Duration) {
	if route == "" {
		route = "none"
	}
	code := "none"
	if status >= 100 && status < 600 {
		code = strconv.Itoa(status/100) + "xx"
	}
	m.requests.WithLabelValues(route, outcome, reason, code).Inc()
	m.duration.WithLabelValues(route).Observe(took.Seconds())
}

// verifierStats tells what the verifier of the moment knows.
type verifierStats struct {
	verifier *atomic.Pointer[verify.Verifier]
}

var (
	verifierTokens = describe("ramp_verifier_tokens_total", "Tokens verified, by result: accepted, or the reason of the refusal.", "result")
	verifierKnown  = describe("ramp_verifier_known_total", "Tokens found in the cache.")
	verifierCached = describe("ramp_verifier_cached_tokens", "Tokens in the cache.")
	verifierCursor = describe("ramp_verifier_feed_cursor", "Where the revocation feed is followed to.")
	verifierAge    = describe("ramp_verifier_feed_age_seconds", "For how long revocations may be unknown.")
	verifierFails  = describe("ramp_verifier_feed_failures", "Polls of the feed in a row that failed.")
	verifierKeys   = describe("ramp_verifier_keys", "Keys of the issuer.")
	verifierKeyAge = describe("ramp_verifier_keys_age_seconds", "Since the issuer's keys were read.")
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (*verifierStats) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{verifierTokens, verifierKnown, verifierCached, verifierCursor, verifierAge, verifierFails, verifierKeys, verifierKeyAge} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *verifierStats) Collect(to chan<- prometheus.Metric) {
	v := c.verifier.Load()
	if v == nil {
		return
	}
	s := v.Stats()
	send := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, kind, value, labels...)
	}
	send(verifierTokens, prometheus.CounterValue, float64(s.Accepted), accesslog.Accepted)
	for reason, n := range s.Refused {
		send(verifierTokens, prometheus.CounterValue, float64(n), string(reason))
	}
	send(verifierKnown, prometheus.CounterValue, float64(s.Known))
	send(verifierCached, prometheus.GaugeValue, float64(s.CachedTokens))
	send(verifierCursor, prometheus.GaugeValue, float64(s.FeedCursor))
	send(verifierAge, prometheus.GaugeValue, s.FeedAge.Seconds())
	send(verifierFails, prometheus.GaugeValue, float64(s.FeedFailures))
	send(verifierKeys, prometheus.GaugeValue, float64(s.Keys))
	send(verifierKeyAge, prometheus.GaugeValue, s.KeysAge.Seconds())
}
