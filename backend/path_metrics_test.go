package backend

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/metrics"
)

// scrape reads the metrics as Prometheus does.
func (r *rig) scrape() map[string]*dto.MetricFamily {
	r.t.Helper()
	body, _ := r.raw("metrics", nil)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	if err != nil {
		r.t.Fatalf("%v in\n%s", err, body)
	}
	return families
}

// metric sums a metric over the series that have the labels, given as
// name=value; of a histogram the number of observations.
func (r *rig) metric(name string, labels ...string) (sum float64) {
	r.t.Helper()
	return sumOf(r.scrape()[name], labels...)
}

func sumOf(family *dto.MetricFamily, labels ...string) (sum float64) {
	for _, m := range family.GetMetric() {
		has := map[string]bool{}
		for _, l := range m.Label {
			has[l.GetName()+"="+l.GetValue()] = true
		}
		matches := true
		for _, l := range labels {
			matches = matches && has[l]
		}
		if matches {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return sum
}

func TestMetrics(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		held := r.mint()
		_, _ = r.renew(held)
		r.mint()
		_, _ = r.do(logical.ReadOperation, "creds/"+role, "e-other", nil)
		_, _ = r.do(logical.ReadOperation, "creds/none", "e-other", nil)
		r.revoke(held)
		r.follower()
		families := r.scrape()
		for _, want := range []struct {
			n      float64
			name   string
			labels string
		}{
			{2, "ramp_decisions_total", "contract=" + role + " type=jwt phase=issue decision=granted"},
			{1, "ramp_decisions_total", "contract=" + role + " type=jwt phase=renew decision=granted"},
			{1, "ramp_decisions_total", "contract=" + role + " phase=issue decision=caller_not_bound"},
			{4, "ramp_decisions_total", ""},
			{2, "ramp_decision_duration_seconds", "phase=issue decision=granted"},
			{1, "ramp_decision_duration_seconds", "phase=issue decision=denied"},
			{1, "ramp_credentials_ended_total", "contract=" + role + " reason=revoked"},
			{1, "ramp_credentials_live", ""},
			{2, "ramp_requests_total", "endpoint=credentials status=200 operation=read"},
			{1, "ramp_requests_total", "endpoint=credentials status=403"},
			{1, "ramp_requests_total", "endpoint=credentials status=404"},
			{2, "ramp_requests_total", "endpoint=lease status=200"},
			{4, "ramp_request_duration_seconds", "endpoint=credentials"},
			{1, "ramp_changes_total", "kind=role.write"},
			{1, "ramp_state_entries", "kind=contracts"},
			{1, "ramp_state_entries", "kind=feed_events"},
			{1<<32 + 1, "ramp_feed_cursor", ""},
			{0, "ramp_key_age_seconds", "key=default"},
			{720 * 3600, "ramp_key_rotation_due_seconds", "key=default"},
			{0, "ramp_panics_total", ""},
			{1, "ramp_build_info", "version=v0.0.0-test"},
		} {
			if got := sumOf(families[want.name], strings.Fields(want.labels)...); got != want.n || families[want.name] == nil {
				t.Errorf("%s{%s} is %v, want %v", want.name, want.labels, got, want.n)
			}
		}
		r.write("config", map[string]any{"ledger": "off"})
		if r.scrape()["ramp_ledger_lag_seconds"] != nil {
			t.Error("there is no ledger, and it lags")
		}
	})
}

func TestMetricsOfTime(t *testing.T) {
	r := newRig(t)
	r.contract()
	for range 3 {
		r.mint()
	}
	r.clock.advance(721 * time.Hour)
	families := r.scrape()
	for name, want := range map[string]float64{"ramp_key_age_seconds": 721 * 3600, "ramp_key_rotation_due_seconds": -3600, "ramp_ledger_waiting_entries": 3, "ramp_ledger_lag_seconds": 721 * 3600, "ramp_ledger_entries": 4, "ramp_ledger_skipped_total": 0, "ramp_ledger_damaged": 0} {
		if got := sumOf(families[name]); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	r.write("keys/default", map[string]any{"rotation_period": 0})
	if r.scrape()["ramp_key_rotation_due_seconds"] != nil {
		t.Error("a key that is never rotated is due")
	}
}

// Nobody makes series by asking for what does not exist, and however many
// contracts there are, the series have an end and the sum is right.
func TestSeriesAreBounded(t *testing.T) {
	r := newRig(t)
	r.contract()
	for i := range 300 {
		_, _ = r.do(logical.ReadOperation, fmt.Sprintf("creds/made-up-%d", i), fmt.Sprintf("e-%d", i), nil)
		_, _ = r.do(logical.UpdateOperation, fmt.Sprintf("made/up/%d", i), "", nil)
		_, _ = r.do(logical.ReadOperation, "creds/"+role, fmt.Sprintf("e-%d", i), nil)
	}
	count := func() (n int) {
		for name, family := range r.scrape() {
			if strings.HasPrefix(name, "ramp_") {
				n += len(family.Metric)
			}
		}
		return n
	}
	if n := count(); n > 60 {
		t.Errorf("%d series for one contract", n)
	}
	const contracts = metrics.MaxContracts + 50
	for i := range contracts {
		name := fmt.Sprintf("c-%d", i)
		r.write("roles/"+name, map[string]any{"service": "payments", "scopes": "invoices:read", "bound_entity_ids": "e-orders"})
		if _, err := r.do(logical.ReadOperation, "creds/"+name, "e-orders", nil); err != nil {
			t.Fatal(err)
		}
	}
	families := r.scrape()
	if n := len(families["ramp_decisions_total"].Metric); n > metrics.MaxContracts+3 {
		t.Errorf("%d series", n)
	}
	if n := sumOf(families["ramp_decisions_total"], "decision=granted"); n != contracts {
		t.Errorf("%v issues", n)
	}
	if n := sumOf(families["ramp_decisions_total"], "contract=*", "decision=granted"); n != 51 {
		t.Errorf("%v issues of others", n)
	}
	r.delete("roles/c-0") // makes room
	if n := r.metric("ramp_decisions_total", "contract=c-0"); n != 0 {
		t.Errorf("%v of a deleted contract", n)
	}
}

// Leases outlive their contract, which has no series any more.
func TestMetricsOfADeletedContract(t *testing.T) {
	r := newRig(t)
	r.contract()
	held := r.mint()
	r.delete("roles/" + role)
	r.notRenewed(held, "credential_revoked")
	if own, others := r.metric("ramp_decisions_total", "contract="+role), r.metric("ramp_decisions_total", "contract=*", "decision=credential_revoked"); own != 0 || others != 1 {
		t.Errorf("%v of its own, %v of others", own, others)
	}
}
