package backend

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// Whatever people, callers and time do to a contract, and however often the
// engine restarts: no right widens, nothing dead comes back, no evidence counts
// twice, and explain says what issue does. RAMP_LONG=1 looks for longer.
func TestNoSequenceBreaksTheContract(t *testing.T) {
	worlds := 1
	if os.Getenv("RAMP_LONG") != "" {
		worlds = 20
	}
	minted, advanced := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		for range worlds {
			m := newMachine(t, rt)
			rt.Repeat(m.actions())
			minted += len(m.held)
			advanced += m.advanced
		}
	})
	if !testing.Short() && (minted < 20 || advanced < 5) {
		t.Errorf("%d credentials were minted and %d callers reached another stage: the machine idles", minted, advanced)
	}
}

// drawn is a testing.TB whose failures rapid can shrink.
type drawn struct {
	testing.TB
	rt *rapid.T
}

func (d drawn) Helper()                           {}
func (d drawn) Fatal(args ...any)                 { d.rt.Fatal(args...) }
func (d drawn) Fatalf(format string, args ...any) { d.rt.Fatalf(format, args...) }
func (d drawn) Errorf(format string, args ...any) { d.rt.Errorf(format, args...) }
func (d drawn) Error(args ...any)                 { d.rt.Error(args...) }

var machineCallers = []string{"e-orders", "e-other"}

// machine is an engine beside a model of what has to hold.
type machine struct {
	*rig
	rt *rapid.T

	agreed     terms
	offered    []string // scopes of the service
	consented  string   // revision
	suspended  map[string]bool
	generation string
	held       []*credential
	reports    []map[string]any
	serials    map[float64]bool
	stages     map[string]string
	advanced   int
}

// credential is one that was minted, with what the model knows of it.
type credential struct {
	resp   *logical.Response
	caller string
	scopes []string
	stage  []string  // scopes of the stage it was issued at
	end    time.Time // by then it is dead
	dead   bool      // it has been told dead, or has to be
}

// terms are those of the contract that the model looks at.
type terms struct {
	scopes []string
	limit  int
	stages map[string][]string // scopes by name
	order  []string
	ends   time.Time // zero: never
}

const (
	machineIdle   = 40 * time.Minute
	machineWindow = 10 * time.Minute // of the off-ramp, in which only a is granted
)

func newMachine(t *testing.T, rt *rapid.T) *machine {
	m := &machine{rig: newRigVia(drawn{t, rt}, inProcess), rt: rt, suspended: map[string]bool{}, serials: map[float64]bool{}, stages: map[string]string{}}
	m.start()
	m.write("config", map[string]any{"issuer": issuer})
	m.offered = []string{"a", "b", "c"}
	m.write("services/payments", map[string]any{"audience": "https://payments.internal", "scopes": m.offered, "max_ttl": "1h", "consent": "required"})
	m.edit(0)
	m.giveConsent(rt)
	return m
}

// edit writes one of several versions of the contract.
func (m *machine) edit(version int) {
	data := map[string]any{
		"service": "payments", "bound_entity_ids": machineCallers, "ttl": "5m", "max_active": 3, "generation_overlap": "2m", "metadata": map[string]any{},
		"conditions": []any{map[string]any{"name": "calm", "expression": "!has(request.context.storm)"}}, "expires_at": "", "off_ramp": nil,
	}
	next := terms{scopes: []string{"a", "b", "c"}, limit: 3, order: []string{"canary", "limited", "full"}}
	next.stages = map[string][]string{"canary": {"a"}, "limited": {"a", "b"}, "full": {"a", "b", "c"}}
	switch version {
	case 1:
		next.scopes = []string{"a", "b"}
		next.stages["full"] = next.scopes
	case 2:
		next.order = []string{"canary", "full"}
	case 3:
		next.order = []string{"canary", "limited", "whole"}
		next.stages["whole"] = next.scopes
	case 4:
		next.limit = 2
		data["max_active"] = 2
	case 5:
		data["metadata"] = map[string]any{"ticket": "RAMP-1"}
	case 6:
		next.ends = m.clock.now().Add(30 * time.Minute).Truncate(time.Second)
		data["expires_at"] = next.ends.Format(time.RFC3339)
		data["off_ramp"] = map[string]any{"window": machineWindow.String(), "scopes": []any{"a"}}
	}
	data["scopes"] = next.scopes
	data["stages"] = stageData(next)
	resp, err := m.do(logical.UpdateOperation, "roles/"+role, "", data)
	if err != nil {
		if status(err) != 400 || !strings.Contains(err.Error(), "does not offer scope") {
			m.t.Fatalf("edit %d: %v", version, err)
		}
		return
	}
	m.agreed = next
	if slices.ContainsFunc(resp.Warnings, func(w string) bool { return strings.Contains(w, "takes something away") }) {
		m.die("")
	}
}

func stageData(t terms) []any {
	var list []any
	for i, name := range t.order {
		s := map[string]any{
			"name": name, "scopes": t.stages[name], "idle": machineIdle.String(),
			"retreat": map[string]any{"denials": 3, "refusals": 5, "within": "5m"},
		}
		if i < len(t.order)-1 {
			s["advance"] = map[string]any{"after": "1m", "issued": 1, "accepted": 3}
		}
		list = append(list, s)
	}
	return list
}

// die is what the model knows: all that a caller holds is dead, "" for everybody.
func (m *machine) die(caller string) {
	for _, c := range m.held {
		if caller == "" || c.caller == caller {
			c.dead = true
		}
	}
}

// check is what holds after each step.
func (m *machine) check(*rapid.T) {
	live := map[string]int{}
	now := m.clock.now()
	for _, c := range m.held {
		active := m.active(c.resp.Data["token"])
		switch {
		case active && c.dead:
			m.t.Fatalf("credential %v is alive, and was or had to be dead", c.resp.Data["jti"])
		case active && !now.Before(c.end):
			m.t.Fatalf("credential %v is alive at %s, it had to end by %s", c.resp.Data["jti"], now, c.end)
		case !active:
			c.dead = true
			continue
		}
		live[c.caller]++
		for whose, limit := range map[string][]string{"the contract": m.agreed.scopes, "the service": m.offered, "its stage": c.stage} {
			if missing := without(c.scopes, limit); missing != nil {
				m.t.Fatalf("credential %v has scopes %v beyond those of %s", c.resp.Data["jti"], missing, whose)
			}
		}
		if end := m.agreed.ends; !end.IsZero() && (!now.Before(end) || !now.Before(end.Add(-machineWindow)) && without(c.scopes, []string{"a"}) != nil) {
			m.t.Fatalf("credential %v with %v lives on at %s, the contract ends at %s", c.resp.Data["jti"], c.scopes, now, end)
		}
	}
	for caller, n := range live {
		if n > m.agreed.limit {
			m.t.Fatalf("%s has %d live credentials, the limit is %d", caller, n, m.agreed.limit)
		}
	}
	m.checkStages()
}

// checkStages compares what is held with where its caller stands now.
func (m *machine) checkStages() {
	for _, caller := range machineCallers {
		at := m.standing(caller)
		if at == nil {
			continue
		}
		stage := at["stage"].(string)
		if was := m.stages[caller]; was != "" && slices.Index(m.agreed.order, stage) > slices.Index(m.agreed.order, was) {
			m.advanced++
		}
		m.stages[caller] = stage
		if at["since"] == stamp(m.clock.now()) {
			continue // just now, or idle: then it falls with the next request
		}
		for _, c := range m.held {
			if c.caller == caller && !c.dead && without(c.scopes, m.agreed.stages[stage]) != nil {
				m.t.Fatalf("%s is at stage %s and holds %v with %v", caller, stage, c.resp.Data["jti"], c.scopes)
			}
		}
	}
}

func (m *machine) standing(caller string) map[string]any {
	resp, err := m.do(logical.ReadOperation, "roles/"+role+"/callers/"+caller, "", nil)
	if err != nil {
		m.t.Fatal(err)
	}
	if resp == nil {
		return nil
	}
	return resp.Data
}

func without(scopes, limit []string) []string {
	list, _ := ramp.NewScopes(limit...)
	return ramp.Scopes(scopes).Missing(list)
}
