package backend

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"pgregory.net/rapid"
)

// issue asks explain first, which has to foresee code and grant.
func (m *machine) issue(t *rapid.T) {
	caller, ask := m.anyCaller(t), map[string]any{}
	if rapid.Bool().Draw(t, "narrow") {
		ask["scopes"] = rapid.SampledFrom([][]string{{"a"}, {"b"}, {"a", "c"}}).Draw(t, "scopes")
	}
	if rapid.IntRange(0, 2).Draw(t, "present") == 0 {
		ask["generation"] = fmt.Sprintf("v%d", rapid.IntRange(1, 4).Draw(t, "generation"))
	}
	if rapid.IntRange(0, 5).Draw(t, "weather") == 0 {
		ask["context"] = map[string]any{"storm": "yes"}
	}
	foreseen, err := m.do(logical.UpdateOperation, "explain/"+role, caller, maps.Clone(ask))
	if err != nil {
		m.t.Fatal(err)
	}
	before := m.standing(caller)
	resp, err := m.do(logical.UpdateOperation, "creds/"+role, caller, maps.Clone(ask))
	if err != nil {
		if code := foreseen.Data["code"].(string); status(err) != 403 || code == "" || !strings.Contains(err.Error(), "("+code+")") || !strings.Contains(err.Error(), foreseen.Data["reason"].(string)) {
			m.t.Fatalf("explain: %v, issue: %v", foreseen.Data, err)
		}
		m.fell(caller, before)
		return
	}
	if foreseen.Data["allowed"] != true || m.suspended["roles/"+role] || m.suspended["services/payments"] || m.suspended["callers/"+caller] || m.consented != m.revision() {
		m.t.Fatalf("explain: %v, suspended: %v, consent %q: issued all the same", foreseen.Data, m.suspended, m.consented)
	}
	for field := range map[string]bool{"scope": true, "expires_at": true, "subject": true, "stage": true, "generation": true} {
		if got, said := resp.Data[field], foreseen.Data[field]; got != said && (got != nil || said != "") {
			m.t.Fatalf("%s was to be %v and is %v", field, said, got)
		}
	}
	if number(foreseen.Data["ttl"]) != resp.Secret.TTL.Seconds() {
		m.t.Fatalf("ttl was to be %v and is %s", foreseen.Data["ttl"], resp.Secret.TTL)
	}
	m.take(caller, resp)
}

func (m *machine) take(caller string, resp *logical.Response) {
	resp.Secret.IssueTime = m.clock.now()
	serial := number(resp.Data["serial"])
	if m.serials[serial] {
		m.t.Fatalf("serial %v was used before", serial)
	}
	m.serials[serial] = true
	end, err := time.Parse(time.RFC3339, resp.Data["expires_at"].(string))
	if err != nil || resp.Secret.TTL <= 0 || m.clock.now().Truncate(time.Second).Add(resp.Secret.TTL).After(end) {
		m.t.Fatalf("a lease of %s with a credential until %s: %v", resp.Secret.TTL, end, err)
	}
	c := &credential{resp: resp, caller: caller, scopes: strings.Fields(resp.Data["scope"].(string)), end: end}
	c.stage = m.agreed.stages[resp.Data["stage"].(string)]
	if !m.active(resp.Data["token"]) {
		m.t.Fatalf("credential %v was born dead", resp.Data["jti"])
	}
	m.held = append(m.held, c)
}

// fell tells the model when the caller fell a stage: what it held has to die.
func (m *machine) fell(caller string, before map[string]any) {
	after := m.standing(caller)
	if before != nil && slices.Index(m.agreed.order, after["stage"].(string)) < slices.Index(m.agreed.order, before["stage"].(string)) {
		m.die(caller)
	}
}
