package relay

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics of one relay, in a registry of its own.
type metrics struct {
	registry  *prometheus.Registry
	answers   *prometheus.CounterVec
	documents *prometheus.CounterVec
	written   prometheus.Counter
}

func newMetrics(r *Relay) *metrics {
	m := &metrics{
		registry:  prometheus.NewRegistry(),
		answers:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ramp_relay_answers_total", Help: "Answers to followers, by how they stood."}, []string{"follower"}),
		documents: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ramp_relay_documents_total", Help: "Requests for other documents of the issuer."}, []string{"outcome"}),
		written:   prometheus.NewCounter(prometheus.CounterOpts{Name: "ramp_relay_files_written_total", Help: "Static files written."}),
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.answers, m.documents, m.written,
		gauge("ramp_relay_followers_waiting", "Followers that wait for news.", func() float64 { return float64(r.waiting.Load()) }),
		gauge("ramp_relay_feed_age_seconds", "For how long deaths may be unknown to this relay.", func() float64 { return r.follower.Age().Seconds() }),
		gauge("ramp_relay_feed_failures", "Polls of the issuer in a row that failed.", func() float64 { _, n := r.follower.Stands(); return float64(n) }),
		gauge("ramp_relay_feed_cursor", "Cursor of the last message heard.", func() float64 { c, _ := r.follower.Stands(); return float64(c) }),
	)
	return m
}
