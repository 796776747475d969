package backend

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/hashicorp/vault/sdk/logical"
)

// day is traffic on an engine, with a book that is kept beside it by the rules
// of the documentation alone.
type day struct {
	*rig
	t      *testing.T
	chance *rand.Rand
	want   map[string]float64 // what reports and metrics have to say
	passed map[string]float64 // what metrics said before restarts
	held   []*dayCredential
	report int
}

// dayCredential is one whose end nobody has told the engine yet.
type dayCredential struct {
	resp             *logical.Response
	contract, caller string
	end, leaseEnd    time.Time
	dead             bool
	lease            time.Duration
	renewable        bool
}

const (
	dayStatus = "orders-to-payments" // its verifiers follow revocations
	dayExpiry = "orders-to-archive"  // theirs look at exp alone
)

var dayCallers = []string{"e-orders", "e-other"}

// Reports and metrics agree with what a day of traffic did, to the count, also
// when the engine restarts now and then.
func TestADayOfTraffic(t *testing.T) {
	d := &day{rig: newRig(t), t: t, chance: rand.New(rand.NewPCG(1, 2)), want: map[string]float64{}, passed: map[string]float64{}}
	d.vault.entities["e-guest"] = &logical.Entity{ID: "e-guest", Name: "guest"}
	d.write("config", map[string]any{"issuer": issuer})
	d.write("services/payments", map[string]any{"audience": "https://payments.internal", "scopes": "a,b", "max_ttl": "2h"})
	d.write("services/archive", map[string]any{"audience": "https://archive.internal", "scopes": "a,b", "max_ttl": "2h", "revocation": "expiry"})
	for name, service := range map[string]string{dayStatus: "payments", dayExpiry: "archive"} {
		d.write("roles/"+name, map[string]any{
			"service": service, "scopes": "a,b", "bound_entity_ids": dayCallers, "ttl": "10m", "generation_overlap": "7m",
			"conditions": []any{map[string]any{"name": "calm", "expression": "!has(request.context.storm)"}},
		})
	}
	for minute := range 24 * 60 {
		d.clock.advance(time.Minute)
		d.ends()
		d.tick()
		for range 3 {
			d.something()
		}
		switch minute {
		case 400, 900: // closed as Vault closes it
			d.remember()
			d.engine.Cleanup(context.Background())
			d.start()
		case 700: // a crash, when all is stored
			d.remember()
			d.tick()
			d.start()
		}
		if minute%240 == 239 {
			d.compare()
		}
	}
	for _, least := range []string{"issued", "renewed", "revoked", "expired", "killed", "condition_false", "caller_not_bound", "accepted"} {
		sum := 0.0
		for key, n := range d.want {
			if strings.HasPrefix(key, least+" ") {
				sum += n
			}
		}
		if sum < 20 {
			t.Errorf("%s: %v in a day: the test idles", least, sum)
		}
	}
}

func (d *day) contract() string { return []string{dayStatus, dayExpiry}[d.chance.IntN(2)] }
func (d *day) caller() string   { return dayCallers[d.chance.IntN(2)] }

func (d *day) count(what, contract, caller string, n float64) {
	d.want[what+" "+contract+" "+caller] += n
}

// something is one of the things that happen, the frequent ones more often.
func (d *day) something() {
	switch n := d.chance.IntN(100); {
	case n < 45:
		d.issue(d.contract(), d.caller())
	case n < 60:
		d.renews()
	case n < 68:
		d.denied(d.contract(), d.caller(), map[string]any{"context": map[string]any{"storm": "1"}}, "condition_false")
	case n < 74:
		d.denied(d.contract(), "e-stranger", nil, "caller_disabled") // Vault knows no such entity
	case n < 78:
		d.denied(d.contract(), "e-guest", nil, "caller_not_bound")
	case n < 82:
		d.denied(d.contract(), "", nil, "caller_unknown")
	case n < 90:
		d.revokes()
	case n < 95:
		d.evidence(d.contract(), d.caller())
	default:
		d.kill(d.contract(), d.caller())
	}
}

func (d *day) issue(contract, caller string) {
	resp, err := d.do(logical.ReadOperation, "creds/"+contract, caller, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	resp.Secret.IssueTime = d.clock.now()
	end, err := time.Parse(time.RFC3339, resp.Data["expires_at"].(string))
	if err != nil {
		d.t.Fatal(err)
	}
	d.held = append(d.held, &dayCredential{resp, contract, caller, end, d.clock.now().Add(resp.Secret.TTL), false, resp.Secret.TTL, resp.Secret.Renewable})
	d.count("issued", contract, caller, 1)
}

func (d *day) denied(contract, caller string, data map[string]any, code string) {
	d.refused(logical.ReadOperation, "creds/"+contract, caller, data, 403, "("+code+")")
	d.count(code, contract, caller, 1)
}

func (d *day) renews() {
	for _, c := range d.held {
		if !c.renewable || d.chance.IntN(8) > 0 || !c.end.After(d.clock.now()) {
			continue
		}
		renewed, err := d.renew(c.resp)
		if c.dead {
			if status(err) != 403 {
				d.t.Fatalf("a dead credential is renewed: %v", err)
			}
			d.count("credential_revoked", c.contract, c.caller, 1)
			continue
		}
		if err != nil {
			d.t.Fatal(err)
		}
		c.leaseEnd = d.clock.now().Add(renewed.Secret.TTL)
		d.count("renewed", c.contract, c.caller, 1)
	}
}

// revokes ends a lease before its time.
func (d *day) revokes() {
	if len(d.held) > 0 {
		i := d.chance.IntN(len(d.held))
		d.release(d.held[i])
		d.held = slices.Delete(d.held, i, i+1)
	}
}

// ends hands back the leases that are over, as Vault does.
func (d *day) ends() {
	d.held = slices.DeleteFunc(d.held, func(c *dayCredential) bool {
		if c.leaseEnd.After(d.clock.now()) {
			return false
		}
		d.release(c)
		return true
	})
}

func (d *day) release(c *dayCredential) {
	d.revoke(c.resp)
	switch {
	case c.dead:
	case c.end.After(d.clock.now()):
		d.count("revoked", c.contract, c.caller, 1)
	default:
		d.count("expired", c.contract, c.caller, 1)
	}
}

func (d *day) evidence(contract, caller string) {
	accepted := d.chance.IntN(50)
	d.report++
	d.write("evidence/"+contract, map[string]any{"report": fmt.Sprint(d.report), "caller": caller, "accepted": accepted, "refused": 3, "scopes": map[string]any{"a": accepted}})
	d.count("accepted", contract, caller, float64(accepted))
	d.count("refused", contract, caller, 3)
}

// kill is a switch that ends many credentials at once.
func (d *day) kill(contract, caller string) {
	dies := func(which func(*dayCredential) bool) {
		for _, c := range d.held {
			// What ended in this hour still counts as live until its lease is handed back.
			if !c.dead && which(c) && !c.end.Before(d.clock.now().Truncate(time.Hour)) {
				c.dead = true
				d.count("killed", c.contract, c.caller, 1)
			}
		}
	}
	ofContract := func(c *dayCredential) bool { return c.contract == contract }
	switch d.chance.IntN(7) {
	case 0:
		d.write("roles/"+contract+"/revoke", nil)
		dies(ofContract)
	case 1:
		d.write("roles/"+contract+"/revoke", map[string]any{"caller": caller})
		dies(func(c *dayCredential) bool { return ofContract(c) && c.caller == caller })
	case 2:
		d.write("roles/"+contract+"/suspend", nil)
		dies(ofContract)
		d.denied(contract, caller, nil, "contract_suspended")
		d.write("roles/"+contract+"/resume", nil)
	case 3:
		d.write("callers/"+caller+"/suspend", nil)
		dies(func(c *dayCredential) bool { return c.caller == caller })
		d.denied(contract, caller, nil, "caller_suspended")
		d.write("callers/"+caller+"/resume", nil)
	case 4:
		_, kids := d.keyStates("default")
		d.write("keys/default/revoke", map[string]any{"kid": kids[0]})
		dies(func(c *dayCredential) bool { return c.resp.Secret.InternalData["kid"] == kids[0] })
	case 5:
		d.write("roles/"+contract+"/deploy", map[string]any{"generation": fmt.Sprint(d.clock.now().Unix())})
		for _, c := range d.held {
			if by := d.clock.now().Add(7 * time.Minute); c.contract == contract && c.end.After(by) {
				c.end = by
			}
		}
	case 6:
		d.write("services/payments/suspend", nil)
		dies(func(c *dayCredential) bool { return c.contract == dayStatus })
		d.write("services/payments/resume", nil)
	}
}

// metricsSay is what metrics say of the same things.
func metricsSay(families map[string]*dto.MetricFamily) map[string]float64 {
	say := map[string]float64{}
	for _, contract := range []string{dayStatus, dayExpiry} {
		sum := func(key, name string, labels ...string) {
			if n := sumOf(families[name], append(labels, "contract="+contract)...); n != 0 {
				say[key+" "+contract] = n
			}
		}
		sum("issued", "ramp_decisions_total", "phase=issue", "decision=granted")
		sum("renewed", "ramp_decisions_total", "phase=renew", "decision=granted")
		sum("credential_revoked", "ramp_decisions_total", "phase=renew", "decision=credential_revoked")
		for _, code := range []string{"condition_false", "caller_disabled", "caller_not_bound", "caller_unknown", "contract_suspended", "caller_suspended"} {
			sum(code, "ramp_decisions_total", "phase=issue", "decision="+code)
		}
		for _, reason := range []string{"revoked", "killed", "expired"} {
			sum(reason, "ramp_credentials_ended_total", "reason="+reason)
		}
		sum("accepted", "ramp_evidence_requests_total", "outcome=accepted")
		sum("refused", "ramp_evidence_requests_total", "outcome=refused")
	}
	return say
}

// remember keeps what the metrics of this process say, before it ends.
func (d *day) remember() {
	for key, n := range metricsSay(d.scrape()) {
		d.passed[key] += n
	}
}

// rows reads all pages of a report, a few rows at a time.
func (r *rig) rows(path, field string, query map[string]any) (rows []map[string]any) {
	r.t.Helper()
	query = maps.Clone(query)
	if query == nil {
		query = map[string]any{}
	}
	query["limit"] = 3
	for {
		resp, err := r.do(logical.ReadOperation, path, "", query)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, row := range resp.Data[field].([]any) {
			rows = append(rows, row.(map[string]any))
		}
		next := resp.Data["next"].(string)
		if next == "" {
			return rows
		}
		if next == query["after"] {
			r.t.Fatalf("%s does not get beyond %q", path, next)
		}
		query["after"] = next
	}
}

func (d *day) compare() {
	d.t.Helper()
	for _, by := range []string{"caller", "hour"} {
		got := map[string]float64{}
		for _, row := range d.rows("report/usage", "usage", map[string]any{"by": by}) {
			for _, what := range []string{"issued", "renewed", "revoked", "expired", "accepted", "refused"} {
				got[fmt.Sprint(what, " ", row["contract"], " ", row["caller"])] += number(row[what])
			}
		}
		for _, row := range d.rows("report/denials", "denials", nil) {
			got[fmt.Sprint(row["code"], " ", row["contract"], " ", row["caller"])] += number(row["count"])
		}
		want := map[string]float64{}
		for key, n := range d.want {
			want[strings.Replace(key, "killed ", "revoked ", 1)] += n
		}
		d.same("reports by "+by, got, want)
	}
	metered := metricsSay(d.scrape())
	for key, n := range d.passed {
		metered[key] += n
	}
	want := map[string]float64{}
	for key, n := range d.want {
		want[key[:strings.LastIndex(key, " ")]] += n
	}
	d.same("metrics", metered, want)
	alive, ending := 0.0, 0.0
	for _, c := range d.held {
		if !c.dead && !c.end.Before(d.clock.now().Truncate(time.Hour)) {
			alive++
		}
	}
	for _, row := range d.rows("report/expiring", "expiring", nil) {
		if row["kind"] == "credentials" {
			ending += number(row["count"])
		}
	}
	if live := d.metric("ramp_credentials_live"); live != alive || ending != alive {
		d.t.Errorf("%v live and %v ending, want %v", live, ending, alive)
	}
}

func (d *day) same(what string, got, want map[string]float64) {
	d.t.Helper()
	keys := maps.Clone(want)
	maps.Copy(keys, got)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if got[key] != want[key] {
			d.t.Errorf("%s at %s: %q is %v, want %v", what, d.clock.now(), key, got[key], want[key])
		}
	}
}
