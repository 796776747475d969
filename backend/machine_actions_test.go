package backend

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"pgregory.net/rapid"
)

func (m *machine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"":        m.check,
		"issue":   m.issue,
		"issue 2": m.issue,
		"issue 3": m.issue,
		"renew":   m.renewOne,
		"revoke":  m.revokeOne,
		"revoke all": func(t *rapid.T) {
			if rapid.Bool().Draw(t, "of one caller") {
				caller := m.anyCaller(t)
				m.write("roles/"+role+"/revoke", map[string]any{"caller": caller})
				m.die(caller)
				return
			}
			m.write("roles/"+role+"/revoke", nil)
			m.die("")
		},
		"deploy":   m.deploy,
		"switch":   m.suspendOrResume,
		"move":     m.move,
		"evidence": m.report,
		"repeat":   m.repeatReport,
		"consent":  m.giveConsent,
		"withdraw": func(*rapid.T) {
			m.delete("services/payments/consents/" + role)
			m.consented = ""
			m.die("")
		},
		"edit": func(t *rapid.T) { m.edit(rapid.IntRange(0, 6).Draw(t, "version")) },
		"edit service": func(t *rapid.T) {
			was := m.offered
			m.offered = rapid.SampledFrom([][]string{{"a", "b", "c"}, {"a", "b"}, {"a"}}).Draw(t, "offered")
			m.write("services/payments", map[string]any{"scopes": m.offered})
			if without(was, m.offered) != nil {
				m.die("")
			}
		},
		"wait": func(t *rapid.T) {
			m.clock.advance(rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 90 * time.Second, 3 * time.Minute, 6 * time.Minute, 45 * time.Minute, 2 * time.Hour}).Draw(t, "time"))
		},
		"tick":    func(*rapid.T) { m.tick() },
		"restart": m.restart,
	}
}

func (m *machine) anyCaller(t *rapid.T) string {
	return rapid.SampledFrom(machineCallers).Draw(t, "caller")
}

func (m *machine) one(t *rapid.T) *credential {
	if len(m.held) == 0 {
		t.Skip("nothing is held")
	}
	recent := m.held[max(0, len(m.held)-6):]
	return rapid.SampledFrom(recent).Draw(t, "credential")
}

func (m *machine) renewOne(t *rapid.T) {
	c := m.one(t)
	was := m.active(c.resp.Data["token"])
	again, err := m.renew(c.resp)
	if err == nil {
		c.resp.Secret = again.Secret // as Vault keeps it
	}
	switch {
	case err != nil && status(err) != 403:
		m.t.Fatal(err)
	case err != nil:
		c.dead = true // check looks whether it is
	case !was || m.suspended["roles/"+role] || m.suspended["services/payments"] || m.suspended["callers/"+c.caller] || m.consented != m.revision():
		m.t.Fatalf("renewed %v: it was alive %t, suspended %v, consent %q", c.resp.Data["jti"], was, m.suspended, m.consented)
	case m.clock.now().Truncate(time.Second).Add(c.resp.Secret.TTL).After(c.end):
		m.t.Fatalf("the lease of %v runs for %s, beyond %s", c.resp.Data["jti"], c.resp.Secret.TTL, c.end)
	}
}

func (m *machine) revokeOne(t *rapid.T) {
	c := m.one(t)
	m.rig.revoke(c.resp)
	c.dead = true
}

func (m *machine) deploy(t *rapid.T) {
	name := fmt.Sprintf("v%d", rapid.IntRange(1, 4).Draw(t, "generation"))
	data, overlap := map[string]any{"generation": name}, 2*time.Minute
	if rapid.Bool().Draw(t, "overlap") {
		overlap = rapid.SampledFrom([]time.Duration{0, 30 * time.Second, 10 * time.Minute}).Draw(t, "time")
		data["overlap"] = overlap.String()
	}
	m.write("roles/"+role+"/deploy", data)
	if name == m.generation {
		return
	}
	m.generation = name
	for _, c := range m.held {
		if end := m.clock.now().Truncate(time.Second).Add(overlap); end.Before(c.end) {
			c.end = end
		}
	}
}

func (m *machine) suspendOrResume(t *rapid.T) {
	what := rapid.SampledFrom([]string{"roles/" + role, "services/payments", "callers/e-orders"}).Draw(t, "what")
	if m.suspended[what] || rapid.IntRange(0, 3).Draw(t, "resume") == 0 {
		m.write(what+"/resume", nil)
		m.suspended[what] = false
		return
	}
	m.write(what+"/suspend", nil)
	m.suspended[what] = true
	if what == "callers/e-orders" {
		m.die("e-orders")
		return
	}
	m.die("")
}

func (m *machine) move(t *rapid.T) {
	caller := m.anyCaller(t)
	before := m.standing(caller)
	way := rapid.SampledFrom([]string{"advance", "retreat"}).Draw(t, "way")
	if _, err := m.do(logical.UpdateOperation, "roles/"+role+"/"+way, "", map[string]any{"caller": caller}); err != nil {
		if status(err) != 400 {
			m.t.Fatal(err)
		}
		return
	}
	m.fell(caller, before)
}

func (m *machine) report(t *rapid.T) {
	caller := m.anyCaller(t)
	report := map[string]any{
		"report": fmt.Sprintf("r%d", len(m.reports)), "caller": caller,
		"accepted": rapid.IntRange(0, 4).Draw(t, "accepted"), "refused": rapid.SampledFrom([]int{0, 0, 0, 2, 5}).Draw(t, "refused"),
	}
	before := m.standing(caller)
	m.write("evidence/"+role, maps.Clone(report))
	m.reports = append(m.reports, report)
	if before != nil {
		m.fell(caller, before)
	}
}

// repeatReport sends a report again, perhaps with other numbers.
func (m *machine) repeatReport(t *rapid.T) {
	if len(m.reports) == 0 {
		t.Skip("nothing was reported")
	}
	again := maps.Clone(rapid.SampledFrom(m.reports).Draw(t, "report"))
	again["accepted"] = rapid.SampledFrom([]any{again["accepted"], 1000}).Draw(t, "accepted")
	before := m.standing(again["caller"].(string))
	m.write("evidence/"+role, again)
	if after := m.standing(again["caller"].(string)); !reflect.DeepEqual(before, after) {
		m.t.Fatalf("report %v was sent again: %v became %v", again, before, after)
	}
}

func (m *machine) revision() string { return m.read("roles/" + role)["revision"].(string) }

func (m *machine) giveConsent(*rapid.T) {
	m.consented = m.revision()
	m.write("services/payments/consents/"+role, map[string]any{"revision": m.consented})
}

// restart may lose counts, and so keep a caller lower; nobody stands higher.
func (m *machine) restart(*rapid.T) {
	var before []map[string]any
	for _, caller := range machineCallers {
		before = append(before, m.standing(caller))
	}
	m.start()
	for i, caller := range machineCallers {
		was, is := before[i], m.standing(caller)
		if is == nil {
			continue
		}
		if was == nil || slices.Index(m.agreed.order, is["stage"].(string)) > slices.Index(m.agreed.order, was["stage"].(string)) ||
			is["stage"] == was["stage"] && (number(is["issued"]) > number(was["issued"]) || number(is["accepted"]) > number(was["accepted"])) {
			m.t.Fatalf("a restart took %s from %v to %v", caller, was, is)
		}
	}
}
