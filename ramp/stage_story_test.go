package ramp_test

import (
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// ramped is a plain world with three stages and every kind of criterion.
func ramped() world {
	w := plain()
	w.Terms.Stages = []ramp.StageTerms{
		{Name: "canary", Scopes: ramp.Scopes{"invoices:read"}, TTL: 60, Advance: &ramp.Advance{After: 3600, Issued: 2, Accepted: 10}, Retreat: &ramp.Retreat{Denials: 2, Within: 60}},
		{Name: "limited", Scopes: ramp.Scopes{"invoices:read"}, Advance: &ramp.Advance{Approval: true}, Retreat: &ramp.Retreat{Denials: 3, Refusals: 5, Within: 60}},
		{Name: "full", Scopes: ramp.Scopes{"invoices:read", "invoices:write"}, Retreat: &ramp.Retreat{Refusals: 5, Within: 60}, Idle: 7200},
	}
	return w
}

// climb is a caller on the ramp of a contract.
type climb struct {
	*testing.T
	world
	c   *ramp.Contract
	svc *ramp.Service
}

func climbing(t *testing.T, w world) *climb { return &climb{t, w, w.contract(t), w.service(t)} }

// asks decides with a request, takes the decision over, and returns the code.
func (k *climb) asks(r ramp.Request) ramp.Code {
	k.Facts.Request = r
	d := ramp.Decide(k.c, k.svc, k.State, k.Facts)
	k.State.Progress = d.After()
	if denial := d.Denial(); denial != nil {
		return denial.Code
	}
	if g := d.Grant(); g.Stage != k.State.Progress.Stage || g.Stage != "" && g.Scopes.Missing(k.scopesOf(g.Stage)) != nil {
		k.Errorf("at stage %s: granted %+v", k.State.Progress.Stage, g)
	}
	return ""
}

func (k *climb) scopesOf(stage string) ramp.Scopes {
	for _, s := range k.c.Stages {
		if s.Name == stage {
			return s.Scopes
		}
	}
	return nil
}

func (k *climb) gets(stage string) {
	k.Helper()
	if code := k.asks(ramp.Request{}); code != "" || k.State.Progress.Stage != stage {
		k.Fatalf("%q at stage %q, want a credential at stage %q", code, k.State.Progress.Stage, stage)
	}
}

func (k *climb) reports(accepted, refused uint64) {
	k.State.Progress = k.c.Report(k.State.Progress, accepted, refused, k.Facts.Now)
}

func (k *climb) wait(d time.Duration) { k.Facts.Now = k.Facts.Now.Add(d) }

func (k *climb) stands(stage string, issued, accepted uint64) {
	k.Helper()
	if p := k.State.Progress; p.Stage != stage || p.Issued != issued || p.Accepted != accepted {
		k.Fatalf("at %+v, want stage %s with %d issued and %d accepted", p, stage, issued, accepted)
	}
}

func (k *climb) moved(to string, steps int) {
	k.Helper()
	p, ok := k.c.Moved(k.State.Progress, to, steps, k.Facts.Now)
	if !ok {
		k.Fatalf("not moved to %q by %d", to, steps)
	}
	k.State.Progress = p
}

func TestTheWayUpAndDown(t *testing.T) {
	k := climbing(t, ramped())
	k.gets("canary")
	k.gets("canary")
	k.stands("canary", 2, 0)
	k.reports(10, 0)
	k.gets("canary") // an hour is missing
	k.wait(time.Hour)
	k.gets("limited")
	k.stands("limited", 1, 0) // from zero
	k.wait(24 * time.Hour)
	k.reports(1000, 0)
	k.gets("limited") // nobody approved
	k.moved("", 1)
	k.stands("full", 0, 0)
	k.gets("full")
	k.reports(50, 4)
	k.stands("full", 1, 50)
	k.reports(50, 1)
	k.stands("limited", 0, 0)
	k.wait(24 * time.Hour)
	k.gets("limited") // waiting does nothing
}

// Each criterion alone keeps a caller where it is.
func TestAdvanceTakesAllOfIt(t *testing.T) {
	for name, step := range map[string]struct {
		wait     time.Duration
		issued   int
		accepted uint64
		want     string
	}{
		"all":             {time.Hour, 2, 10, "limited"},
		"a second early":  {time.Hour - time.Second, 2, 10, "canary"},
		"one issue less":  {time.Hour, 1, 10, "canary"},
		"one accept less": {time.Hour, 2, 9, "canary"},
		"much, too early": {0, 99, 999, "canary"},
	} {
		t.Run(name, func(t *testing.T) {
			k := climbing(t, ramped())
			for range step.issued {
				k.gets("canary")
			}
			k.reports(step.accepted, 0)
			k.wait(step.wait)
			left := k.c.Waiting(k.State.Progress, k.Facts.Now)
			if advances := step.want != "canary"; advances != (left != nil && left.Approval) {
				t.Errorf("still waiting for %+v", left)
			}
			k.gets(step.want)
		})
	}
}

// What would do for two stages does for one step at a time.
func TestOneStepPerDecision(t *testing.T) {
	w := ramped()
	w.Terms.Stages[1].Advance = &ramp.Advance{After: 60}
	k := climbing(t, w)
	k.gets("canary")
	k.gets("canary")
	k.reports(10, 0)
	k.wait(1000 * time.Hour)
	k.gets("limited")
	k.wait(59 * time.Second)
	k.gets("limited")
	k.wait(time.Second)
	k.gets("full")
}

func TestDenialsLeadBack(t *testing.T) {
	k := climbing(t, ramped())
	k.gets("canary")
	k.moved("full", 0)
	k.moved("", -1)
	k.stands("limited", 0, 0)
	greedy := ramp.Request{Scopes: ramp.Scopes{"invoices:write"}}
	k.asks(greedy)
	k.wait(time.Minute + time.Second) // the first one is forgotten
	k.asks(greedy)
	k.asks(greedy)
	k.stands("limited", 0, 0)
	k.State.Progress.Issued = 7
	if code := k.asks(greedy); code != ramp.ScopeNotGranted {
		t.Errorf("code %q", code)
	}
	k.stands("canary", 0, 0)
	k.gets("canary")
	before := k.State.Progress
	k.asks(greedy)
	k.stands("canary", 1, 0)
	k.asks(greedy)
	k.stands("canary", 0, 0) // nothing below the first stage, but what was shown is gone
	if !k.c.Fell(before, k.State.Progress) {
		t.Error("falling to the beginning of a stage is no fall")
	}
}

// Only what a bound caller asked for counts: nobody else can push it down.
func TestDenialsThatDoNotCount(t *testing.T) {
	for name, change := range map[string]func(*world){
		"contract suspended": func(w *world) { w.State.ContractSuspended = true },
		"service suspended":  func(w *world) { w.State.ServiceSuspended = true },
		"caller suspended":   func(w *world) { w.State.CallerSuspended = true },
		"caller disabled":    func(w *world) { w.Facts.Caller.Disabled = true },
		"another caller":     func(w *world) { w.Facts.Caller.ID = "e-other" },
	} {
		k := climbing(t, ramped())
		k.gets("canary")
		was := k.State.Progress
		change(&k.world)
		for range 5 {
			if k.asks(ramp.Request{Scopes: ramp.Scopes{"invoices:write"}}) == "" {
				t.Fatalf("%s: granted", name)
			}
		}
		if p := k.State.Progress; p.Stage != was.Stage || p.Issued != was.Issued || len(p.Faults) != 0 {
			t.Errorf("%s: counted: %+v", name, p)
		}
	}
}

func TestRefusalsCountWithinTheWindow(t *testing.T) {
	k := climbing(t, ramped())
	k.gets("canary")
	k.moved("full", 0)
	for range 10 { // four a minute are fine for ever
		k.reports(0, 4)
		k.wait(61 * time.Second)
	}
	k.stands("full", 0, 0)
	k.reports(100, 3)
	k.wait(60 * time.Second)
	k.reports(100, 2)
	k.stands("limited", 0, 0)
}
