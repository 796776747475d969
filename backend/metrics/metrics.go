// Package metrics counts what the engine does, for Prometheus. It alone knows
// the client library. A Metrics belongs to one mount and shares nothing.
package metrics

import (
	"bytes"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
)

// ContentType is that of [Metrics.Text].
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Others is the contract label of all contracts beyond the first MaxContracts.
const (
	Others       = "*"
	MaxContracts = 500
)

// Phases and outcomes of decisions, reasons of ends, directions of stages.
const (
	Issue   = "issue"
	Renew   = "renew"
	Granted = "granted" // the outcome of a decision that is not a denial; those are codes

	Revoked = "revoked" // alone: its lease was revoked or lapsed, its renewal refused, its token presented
	Killed  = "killed"  // with others: by a floor, a suspension, a deploy, a compromised key
	Expired = "expired"

	Up   = "up"
	Down = "down"
)

// Metrics are the counters of one mount. All methods are safe for concurrent
// use and create no more series than there are contracts, paths and codes.
type Metrics struct {
	registry  *prometheus.Registry
	contracts labels

	decisions *prometheus.CounterVec
	deciding  *prometheus.HistogramVec
	ended     *prometheus.CounterVec
	stages    *prometheus.CounterVec
	evidence  *prometheus.CounterVec
	changes   *prometheus.CounterVec
	requests  *prometheus.CounterVec
	serving   *prometheus.HistogramVec
}

// New returns metrics at zero. The state is asked for at each scrape.
func New(version string, state func() State) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), contracts: labels{max: MaxContracts}}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
		m.registry.MustRegister(h)
		return h
	}
	m.decisions = counter("ramp_decisions_total", "Decisions by contract, credential type, phase (issue, renew) and outcome: granted, or the code of the denial.", "contract", "type", "phase", "decision")
	m.deciding = histogram("ramp_decision_duration_seconds", "Time that deciding took, look-ups not included.",
		[]float64{1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 1e-3, 1e-2}, "phase", "decision")
	m.ended = counter("ramp_credentials_ended_total", "Credentials that ended, by contract and reason: revoked one by one, killed with others, expired.", "contract", "reason")
	m.stages = counter("ramp_stage_changes_total", "Callers that moved along the ramp, by contract and direction (up, down).", "contract", "direction")
	m.evidence = counter("ramp_evidence_requests_total", "Requests that services reported, by contract and outcome (accepted, refused).", "contract", "outcome")
	m.changes = counter("ramp_changes_total", "Changes that people or the engine made, by kind.", "kind")
	m.requests = counter("ramp_requests_total", "Requests by endpoint, operation and HTTP status.", "endpoint", "operation", "status")
	m.serving = histogram("ramp_request_duration_seconds", "Time that requests took inside the engine.",
		[]float64{1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1, 2.5}, "endpoint", "operation")
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newStateCollector(version, state),
	)
	return m
}

// Text returns all metrics in the Prometheus text format.
func (m *Metrics) Text() ([]byte, error) {
	families, err := m.registry.Gather()
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	encoder := expfmt.NewEncoder(&text, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, f := range families {
		if err := encoder.Encode(f); err != nil {
			return nil, err
		}
	}
	return text.Bytes(), nil
}

// Decided counts a decision: decision is Granted or the code of a denial.
func (m *Metrics) Decided(contract, credentialType, phase, decision string, took time.Duration) {
	m.decisions.WithLabelValues(m.contracts.label(contract), credentialType, phase, decision).Inc()
	if decision != Granted {
		decision = "denied"
	}
	m.deciding.WithLabelValues(phase, decision).Observe(took.Seconds())
}

// Ended counts credentials that ended for a reason.
func (m *Metrics) Ended(contract, reason string, n uint64) {
	m.ended.WithLabelValues(m.contracts.label(contract), reason).Add(float64(n))
}

// Moved counts a caller that changed its stage.
func (m *Metrics) Moved(contract, direction string) {
	m.stages.WithLabelValues(m.contracts.label(contract), direction).Inc()
}

// Reported counts the requests of an evidence report.
func (m *Metrics) Reported(contract string, accepted, refused uint64) {
	m.evidence.WithLabelValues(m.contracts.label(contract), "accepted").Add(float64(accepted))
	m.evidence.WithLabelValues(m.contracts.label(contract), "refused").Add(float64(refused))
}

// Changed counts a change of configuration.
func (m *Metrics) Changed(kind string) { m.changes.WithLabelValues(kind).Inc() }

// Served counts a request. Endpoint, operation and status come from small fixed
// sets, never from the request itself.
func (m *Metrics) Served(endpoint, operation, status string, took time.Duration) {
	m.requests.WithLabelValues(endpoint, operation, status).Inc()
	m.serving.WithLabelValues(endpoint, operation).Observe(took.Seconds())
}

// Forget drops the series of a contract that was deleted.
func (m *Metrics) Forget(contract string) {
	if !m.contracts.forget(contract) {
		return
	}
	for _, vec := range []*prometheus.CounterVec{m.decisions, m.ended, m.stages, m.evidence} {
		vec.DeletePartialMatch(prometheus.Labels{"contract": contract})
	}
}
