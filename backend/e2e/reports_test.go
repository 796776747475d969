package e2e_test

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// metric sums a metric of the mount over the series that have the labels.
func (r *rig) metric(t *testing.T, name string, labels ...string) (sum float64) {
	t.Helper()
	resp, err := r.Client.Logical().ReadRaw("ramp/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range families[name].GetMetric() {
		has := map[string]bool{}
		for _, l := range m.Label {
			has[l.GetName()+"="+l.GetValue()] = true
		}
		matches := true
		for _, l := range labels {
			matches = matches && has[l]
		}
		if matches {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

// used is what report/usage says of a contract and a caller.
func (r *rig) used(t *testing.T, contract, caller string) string {
	t.Helper()
	for _, row := range r.read(t, "report/usage")["usage"].([]any) {
		if u := row.(fields); u["contract"] == contract && u["caller"] == caller {
			return fmt.Sprintf("%v issued, %v renewed, %v revoked, %v expired", u["issued"], u["renewed"], u["revoked"], u["expired"])
		}
	}
	return "nothing"
}

// Reports and metrics agree with traffic on a real Vault, to the count, and
// reports outlive a reload of the plugin and a seal.
func TestReportsAgreeWithTraffic(t *testing.T) {
	t.Parallel()
	r := newRig(t, vaulttest.WithRaft())
	other := r.AppRole("other", "caller")
	stranger := r.AppRole("stranger", "caller")
	r.service(t, "payments", nil)
	r.service(t, "archive", fields{"revocation": "expiry"})
	r.contract(t, "status", fields{"bound_entity_ids": r.orders.EntityID + "," + other.EntityID})
	r.contract(t, "expiry", fields{"service": "archive", "ttl": "2s"})

	const n = 40
	var wg sync.WaitGroup
	for _, login := range []*vaulttest.Login{r.orders, other} {
		for range 4 {
			wg.Go(func() {
				for range n / 4 {
					if _, err := r.tryMint(login.Client, "status", nil); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Go(func() {
		for range n {
			_, err := r.tryMint(stranger.Client, "status", nil)
			if err == nil || !strings.Contains(err.Error(), "caller_not_bound") {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	for range 5 {
		r.mint(t, r.orders.Client, "expiry", nil)
		c := r.mint(t, r.orders.Client, "status", nil)
		if _, err := r.Client.Sys().Renew(c.Lease, 60); err != nil {
			t.Fatal(err)
		}
		if err := r.Client.Sys().Revoke(c.Lease); err != nil {
			t.Fatal(err)
		}
	}
	c := r.mint(t, other.Client, "status", nil)
	r.write(t, "revoke", fields{"token": c.Token})
	r.write(t, "revoke", fields{"token": c.Token})
	r.write(t, "roles/status/revoke", fields{"caller": other.EntityID})

	agree := func(when string) {
		t.Helper()
		for key, want := range map[[2]string]string{
			{"status", r.orders.EntityID}: "45 issued, 5 renewed, 5 revoked, 0 expired",
			{"status", other.EntityID}:    "41 issued, 0 renewed, 41 revoked, 0 expired",
			{"expiry", r.orders.EntityID}: "5 issued, 0 renewed, 0 revoked, 5 expired",
		} {
			eventually(t, when+": "+key[0]+" "+want, func() bool { return r.used(t, key[0], key[1]) == want })
		}
		denials := r.read(t, "report/denials")["denials"].([]any)
		if len(denials) != 1 || fmt.Sprint(denials[0].(fields)["count"], denials[0].(fields)["code"], denials[0].(fields)["caller"]) != fmt.Sprint(n, "caller_not_bound", stranger.EntityID) {
			t.Errorf("%s: denials %v", when, denials)
		}
		if live := r.metric(t, "ramp_credentials_live"); live != n {
			t.Errorf("%s: %v live, want %d", when, live, n)
		}
	}
	agree("at once")
	for _, want := range []struct {
		n      float64
		name   string
		labels string
	}{
		{86, "ramp_decisions_total", "contract=status phase=issue decision=granted"},
		{5, "ramp_decisions_total", "contract=status phase=renew decision=granted"},
		{n, "ramp_decisions_total", "decision=caller_not_bound"},
		{6, "ramp_credentials_ended_total", "contract=status reason=revoked"},
		{40, "ramp_credentials_ended_total", "contract=status reason=killed"},
		{5, "ramp_credentials_ended_total", "contract=expiry reason=expired"},
		{91, "ramp_requests_total", "endpoint=credentials status=200"},
		{n, "ramp_requests_total", "endpoint=credentials status=403"},
	} {
		if got := r.metric(t, want.name, strings.Fields(want.labels)...); got != want.n {
			t.Errorf("%s{%s} is %v, want %v", want.name, want.labels, got, want.n)
		}
	}
	r.Write("sys/plugins/reload/backend", fields{"plugin": vaulttest.PluginName})
	agree("after a reload")
	r.Seal()
	r.Unseal()
	eventually(t, "unsealed", func() bool { _, err := r.Client.Logical().Read("ramp/health"); return err == nil })
	agree("after a seal")
}

// The policies that come with Ramp let auditors read reports and Prometheus
// read metrics, and nobody else.
func TestMonitoringPolicies(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	token := r.mint(t, r.orders.Client, "orders-to-payments", nil).Token
	for _, name := range []string{"metrics", "auditor"} {
		policy, err := os.ReadFile("../../bootstrap/monitoring/" + name + ".hcl")
		if err != nil {
			t.Fatal(err)
		}
		client := r.User(name+"-user", r.Policy(name, string(policy))).Client
		for _, path := range []string{"metrics", "report/expiring", "report/usage", "report/idle", "report/denials", "report/graph"} {
			resp, err := client.Logical().ReadRaw("ramp/" + path)
			if may := (path == "metrics") == (name == "metrics"); may != (err == nil) {
				t.Errorf("%s as %s: %v", path, name, err)
			}
			if err != nil {
				continue
			}
			body, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if parts := strings.Split(token, "."); len(body) == 0 || strings.Contains(string(body), parts[1]) || strings.Contains(string(body), parts[2]) {
				t.Errorf("%s says %s", path, body)
			}
		}
	}
	for _, path := range []string{"metrics", "report/usage"} {
		_, err := r.orders.Client.Logical().ReadRaw("ramp/" + path)
		wantForbidden(t, err)
	}
}

// What was counted goes with the leadership when a leader steps down.
func TestReportsSurviveAStepDown(t *testing.T) {
	t.Parallel()
	c := vaulttest.StartCluster(t, 3, vaulttest.WithMount("ramp"))
	old := c.Leader()
	r := rigOn(old)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	for range 7 {
		r.mint(t, r.orders.Client, "orders-to-payments", nil)
	}
	if err := r.Client.Sys().StepDown(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "another leader to serve", func() bool {
		if c.Leader() == old {
			return false
		}
		_, _, err := r.through(c.Leader()).tryPublic("ramp/health")
		return err == nil
	})
	now := r.through(c.Leader())
	now.mint(t, now.orders.Client, "orders-to-payments", nil)
	if used := now.used(t, "orders-to-payments", r.orders.EntityID); used != "8 issued, 0 renewed, 0 revoked, 0 expired" {
		t.Error(used)
	}
}
