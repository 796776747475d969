// Package monitoring_test tries what is in this directory on a real Prometheus
// that scrapes a real Vault.
package monitoring_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/accesslog"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
)

// patience is how long Prometheus may take on a busy machine.
const patience = 2 * time.Minute

// tools is the directory of a Prometheus.
func tools(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("../../scripts/prometheus").Output()
	if err != nil {
		t.Skipf("there is no Prometheus to try it on, see scripts/prometheus -h: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// Every alert fires when it should and not before.
func TestRules(t *testing.T) {
	for _, args := range [][]string{{"check", "rules", "rules.yml"}, {"test", "rules", "rules_test.yml"}} {
		if out, err := exec.Command(filepath.Join(tools(t), "promtool"), args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
	rules, err := os.ReadFile("rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile("rules_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, alert := range regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(string(rules), -1) {
		if !strings.Contains(string(tests), "alertname: "+alert[1]+"\n") {
			t.Errorf("alert %s has no test", alert[1])
		}
	}
}

// Prometheus scrapes Ramp with the configuration and the policy that are here,
// and finds all that the dashboard and the rules ask for.
func TestPrometheus(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real Vault, and -short is set")
	}
	bin := tools(t)
	v := vaulttest.Start(t, vaulttest.WithMount("ramp"))
	policy, err := os.ReadFile("metrics.hcl")
	if err != nil {
		t.Fatal(err)
	}
	scraper := v.AppRole("prometheus", v.Policy("metrics", string(policy)))
	orders := v.AppRole("orders", v.Policy("caller", `path "ramp/creds/*" { capabilities = ["read"] }`))
	traffic(t, v, orders)
	p := start(t, bin, scraper.Client.Token(), v.Addr, guard(t, v))
	p.eventually("the targets are up", func() bool { return len(p.query(`up == 1`)) == 2 })
	for _, expr := range dashboard(t) {
		if optional(expr) {
			continue
		}
		p.eventually(expr, func() bool {
			use(v, orders)
			return len(p.query(expr)) > 0
		})
	}
	used := map[string]bool{}
	for _, rule := range p.rules() {
		if rule.Health != "ok" && rule.Health != "unknown" {
			t.Errorf("%s: %s %s", rule.Name, rule.Health, rule.LastError)
		}
		for _, name := range regexp.MustCompile(`\b(ramp_\w+|up)\b`).FindAllString(rule.Query, -1) {
			used[name] = true
		}
	}
	if len(used) < 7 {
		t.Errorf("the rules use %v", slices.Sorted(maps.Keys(used)))
	}
	for name := range used {
		if !optional(name) && len(p.query("count("+name+")")) == 0 {
			t.Errorf("a rule uses %s, which does not exist", name)
		}
	}
}

// optional says that an expression needs a ledger, which a mount may do without.
func optional(expr string) bool { return strings.Contains(expr, "ramp_ledger_") }

// traffic makes a bit of everything that there are metrics of.
func traffic(t *testing.T, v *vaulttest.Server, orders *vaulttest.Login) {
	t.Helper()
	v.Write("ramp/services/payments", map[string]any{"audience": "https://payments.internal", "scopes": "a,b"})
	v.Write("ramp/roles/orders-to-payments", map[string]any{
		"service": "payments", "scopes": "a,b", "bound_entity_ids": orders.EntityID, "ttl": "5m",
		"stages": []any{
			map[string]any{"name": "canary", "scopes": []string{"a"}, "advance": map[string]any{"accepted": 1}},
			map[string]any{"name": "full", "scopes": []string{"a", "b"}},
		},
	})
	v.Write("ramp/roles/closed", map[string]any{"service": "payments", "scopes": "a", "bound_entity_ids": "nobody"})
	use(v, orders)
}

// use goes on a little, so that rates have something to show.
func use(v *vaulttest.Server, orders *vaulttest.Login) {
	issued, err := orders.Client.Logical().Read("ramp/creds/orders-to-payments")
	if err != nil {
		return // not yet
	}
	_, _ = orders.Client.Logical().Read("ramp/creds/closed")
	_, _ = v.Client.Sys().Renew(issued.LeaseID, 60)
	_ = v.Client.Sys().Revoke(issued.LeaseID)
	v.Write("ramp/evidence/orders-to-payments", map[string]any{"report": fmt.Sprint(time.Now().UnixNano()), "caller": orders.EntityID, "accepted": 5, "refused": 1})
	v.Write("ramp/roles/closed/suspend", nil)
	v.Write("ramp/roles/closed/resume", nil)
}

// dashboard returns the queries of the dashboard, as Grafana would send them.
func dashboard(t *testing.T) (exprs []string) {
	t.Helper()
	text, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	for _, panel := range board.Panels {
		if panel.Title == "" || len(panel.Targets) == 0 {
			t.Errorf("panel %+v", panel)
		}
		for _, target := range panel.Targets {
			exprs = append(exprs, strings.NewReplacer("$contract", ".*", "$__rate_interval", "1m").Replace(target.Expr))
		}
	}
	if len(exprs) < 10 {
		t.Fatalf("%d queries", len(exprs))
	}
	return exprs
}

// prometheus is a real one.
type prometheus struct {
	t    *testing.T
	addr string
}

// guard starts a proxy, and returns where it tells its metrics.
func guard(t *testing.T, v *vaulttest.Server) string {
	t.Helper()
	verifier, err := verify.New(t.Context(), verify.Config{Issuer: v.Addr + "/v1/ramp", Audience: "https://payments.internal"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(verifier.Close)
	log := accesslog.New(accesslog.Config{Writer: io.Discard})
	m := gate.NewMetrics(log, nil)
	p, err := proxy.New(proxy.Config{
		Gate:     gate.Config{Verifier: verifier, Routes: []gate.Route{{Pattern: "/", Scopes: []string{"a"}}}, Log: log, Metrics: m},
		Upstream: proxy.Upstream{URL: v.Addr},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)) // refused
	admin := httptest.NewServer(p.Admin(m))
	t.Cleanup(admin.Close)
	return admin.URL
}

// start runs Prometheus with prometheus.yml and rules.yml until the test ends.
func start(t *testing.T, bin, token, vault, proxy string) *prometheus {
	t.Helper()
	dir := t.TempDir()
	config, err := os.ReadFile("prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := os.ReadFile("rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"prometheus.yml": strings.NewReplacer("127.0.0.1:8200", strings.TrimPrefix(vault, "http://"), "127.0.0.1:9100", strings.TrimPrefix(proxy, "http://"), "interval: 15s", "interval: 1s").Replace(string(config)),
		"rules.yml":      string(rules),
		"token":          token + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := &prometheus{t, vaulttest.FreeAddress(t)}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(bin, "prometheus"), "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address="+p.addr)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if said, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("%s", said)
		}
	})
	p.eventually("Prometheus answers", func() bool {
		resp, err := http.Get("http://" + p.addr + "/-/ready")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return p
}

func (p *prometheus) eventually(what string, done func() bool) {
	p.t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// api asks Prometheus and decodes the data of the answer.
func (p *prometheus) api(path string, data any) {
	p.t.Helper()
	resp, err := http.Get("http://" + p.addr + "/api/v1/" + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := json.Unmarshal(body, &struct{ Data any }{data}); err != nil || resp.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %s %v %s", path, resp.Status, err, body)
	}
}

// query returns the series of an instant query.
func (p *prometheus) query(expr string) (result []any) {
	p.t.Helper()
	data := struct{ Result *[]any }{&result}
	p.api("query?query="+url.QueryEscape(expr), &data)
	return result
}

type rule struct{ Name, Query, Health, LastError string }

func (p *prometheus) rules() (all []rule) {
	p.t.Helper()
	var data struct {
		Groups []struct{ Rules []rule }
	}
	p.api("rules", &data)
	for _, g := range data.Groups {
		all = append(all, g.Rules...)
	}
	return all
}
