package ramp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

func TestIdleCallersStartAgain(t *testing.T) {
	k := climbing(t, ramped())
	k.gets("canary")
	k.moved("full", 0)
	k.gets("full")
	k.wait(2 * time.Hour)
	k.gets("full") // two hours, not longer
	k.wait(time.Hour)
	k.Facts.Phase, k.Facts.Held = ramp.PhaseRenew, ramp.Held{Scopes: ramp.Scopes{"invoices:read"}, Expiry: k.Facts.Now.Add(time.Hour)}
	k.gets("full") // renewing is using
	k.Facts.Phase = ramp.PhaseIssue
	k.wait(2*time.Hour + time.Second)
	before := k.State.Progress
	if settled := k.c.Settled(before, k.Facts.Now); !k.c.Fell(before, settled) {
		t.Error("an idle caller did not fall")
	}
	k.gets("canary")
	k.stands("canary", 1, 0)
}

// An edit renames or removes the stage at which a caller stands.
func TestStagesThatAreGone(t *testing.T) {
	for name, edit := range map[string]func(*ramp.Terms){
		"renamed": func(t *ramp.Terms) { t.Stages[1].Name = "half" },
		"removed": func(t *ramp.Terms) { t.Stages = append(t.Stages[:1:1], t.Stages[2]) },
	} {
		w := ramped()
		k := climbing(t, w)
		k.gets("canary")
		k.moved("limited", 0)
		was := k.State.Progress
		edit(&k.Terms)
		k.c = k.contract(t)
		k.gets("canary")
		if !k.c.Fell(was, k.State.Progress) {
			t.Errorf("%s: what was issued at a stage that is gone lives on", name)
		}
	}
	k := climbing(t, ramped())
	k.gets("canary")
	k.moved("full", 0)
	k.Terms.Stages = nil
	k.c = k.contract(t)
	if k.asks(ramp.Request{}) != "" || k.State.Progress.Stage != "" {
		t.Errorf("without stages: %+v", k.State.Progress)
	}
	k.Terms.Stages = ramped().Terms.Stages
	k.c = k.contract(t)
	k.gets("canary") // and not where the caller was before
}

func TestMovesByHand(t *testing.T) {
	k := climbing(t, ramped())
	for _, tc := range []struct {
		from, to string
		steps    int
		want     string
	}{
		{"", "", 1, "limited"}, {"", "", -1, ""}, {"canary", "full", 0, "full"}, {"full", "", 1, ""}, {"full", "", -1, "limited"},
		{"full", "canary", 0, "canary"}, {"canary", "elsewhere", 0, ""}, {"gone", "", 1, "limited"},
	} {
		from := ramp.Progress{Stage: tc.from, Since: noon, LastUsed: noon, Issued: 9, Accepted: 9}
		p, ok := k.c.Moved(from, tc.to, tc.steps, noon)
		if ok != (tc.want != "") || ok && (p.Stage != tc.want || p.Issued != 0 || p.Accepted != 0) {
			t.Errorf("%+v: %+v %t", tc, p, ok)
		}
	}
	plain := climbing(t, plain())
	if _, ok := plain.c.Moved(ramp.Progress{}, "", 1, noon); ok {
		t.Error("moved on a contract without stages")
	}
}

func TestLimits(t *testing.T) {
	w := ramped()
	w.Terms.MaxActive, w.Terms.Stages[0].MaxActive, w.Terms.Stages[2].MaxActive = 3, 1, 9
	k := climbing(t, w)
	for _, tc := range []struct {
		stage  string
		active uint64
		code   ramp.Code
	}{
		{"canary", 0, ""}, {"canary", 1, ramp.LimitActive}, {"limited", 2, ""}, {"limited", 3, ramp.LimitActive}, {"full", 2, ""}, {"full", 3, ramp.LimitActive},
	} {
		k.State.Progress, k.State.Active = ramp.Progress{Stage: tc.stage, Since: noon, LastUsed: noon}, tc.active
		if code := k.asks(ramp.Request{}); code != tc.code {
			t.Errorf("%+v: %q", tc, code)
		}
	}
	w = plain().renewal()
	w.Terms.MaxActive, w.State.Active = 1, 5
	if d := w.decide(t); d.Denial() != nil {
		t.Errorf("a renewal makes no new credential: %v", d.Denial())
	}
}

func TestBadStages(t *testing.T) {
	for says, edit := range map[string]func(*ramp.Terms){
		"name is required":                 func(t *ramp.Terms) { t.Stages[0].Name = "" },
		`the name "canary" is used twice`:  func(t *ramp.Terms) { t.Stages[1].Name = "canary" },
		"scopes is required":               func(t *ramp.Terms) { t.Stages[0].Scopes = nil },
		`scope "refunds" is not one of`:    func(t *ramp.Terms) { t.Stages[0].Scopes = ramp.Scopes{"refunds"} },
		"none after the last":              func(t *ramp.Terms) { t.Stages[2].Advance = &ramp.Advance{After: 1} },
		"advance is empty":                 func(t *ramp.Terms) { t.Stages[0].Advance = &ramp.Advance{} },
		"advance.after may not":            func(t *ramp.Terms) { t.Stages[0].Advance = &ramp.Advance{After: -1} },
		"retreat needs within":             func(t *ramp.Terms) { t.Stages[0].Retreat = &ramp.Retreat{Denials: 1} },
		"and denials or refusals":          func(t *ramp.Terms) { t.Stages[0].Retreat = &ramp.Retreat{Within: 1} },
		"ttl and idle may not be negative": func(t *ramp.Terms) { t.Stages[0].Idle = -1 },
		"17 are more than 16":              func(t *ramp.Terms) { t.Stages = make([]ramp.StageTerms, 17) },
		"not an answer":                    func(t *ramp.Terms) { t.Stages[0].Conditions = []ramp.ConditionTerms{{Name: "x", Expression: "?"}} },
		"needs a name of its own":          func(t *ramp.Terms) { t.Conditions = []ramp.ConditionTerms{{Expression: "yes"}} },
		`has on="always"`: func(t *ramp.Terms) {
			t.Conditions = []ramp.ConditionTerms{{Name: "x", Expression: "yes", On: []string{"always"}}}
		},
		"the window lies before expires_at": func(t *ramp.Terms) { t.OffRamp = &ramp.OffRamp{Window: 60, TTL: 5} },
		"off_ramp: window is required":      func(t *ramp.Terms) { t.ExpiresAt, t.OffRamp = noon, &ramp.OffRamp{TTL: 5} },
		"give scopes or ttl":                func(t *ramp.Terms) { t.ExpiresAt, t.OffRamp = noon, &ramp.OffRamp{Window: 60} },
		`off_ramp: scope "refunds" is not one`: func(t *ramp.Terms) {
			t.ExpiresAt, t.OffRamp = noon, &ramp.OffRamp{Window: 60, Scopes: ramp.Scopes{"refunds"}}
		},
		"generation_overlap may not be": func(t *ramp.Terms) { t.GenerationOverlap = -1 },
	} {
		w := ramped()
		edit(&w.Terms)
		if _, err := ramp.NewContract("n", "id", w.Terms, toy); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want an error with %q", err, says)
		}
	}
	w := plain()
	w.Terms.Conditions = []ramp.ConditionTerms{{Name: "x", Expression: "yes"}}
	if _, err := ramp.NewContract("n", "id", w.Terms, nil); err == nil {
		t.Error("conditions pass without a compiler")
	}
}
