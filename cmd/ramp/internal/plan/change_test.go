package plan

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/condition"
)

var noon = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

// TestChanges: whatever two versions of a contract are: nothing is reported
// exactly when they are the same; and when some caller gets more under the new
// one, or less, at some time, the report says so.
func TestChanges(t *testing.T) {
	compiler := condition.NewCompiler()
	grew, shrank, same := 0, 0, 0
	property := func(t *rapid.T) {
		build := func(terms ramp.Terms) *ramp.Contract {
			c, err := ramp.NewContract("orders", "id", terms, compiler.Compile)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		svc, err := ramp.NewService("payments", ramp.ServiceTerms{Audience: "https://payments", Scopes: ramp.Scopes{"a", "b", "c"}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		old := build(anyTerms(t))
		now := build(edited(t, old.Terms))
		list := compareContracts(&old.Terms, &now.Terms)
		if (len(list) == 0) != (old.Revision() == now.Revision()) {
			t.Fatalf("reported %v between\n%+v\n%+v", list, old.Terms, now.Terms)
		}
		if len(list) == 0 {
			same++
			return
		}
		has := func(effect Effect) bool {
			return slices.ContainsFunc(list, func(c Change) bool { return c.Effect == effect || c.Effect == Changes })
		}
		for range 30 {
			f := anyFacts(t)
			before, after := ramp.Decide(old, svc, ramp.State{}, f), ramp.Decide(now, svc, ramp.State{}, f)
			switch b, a := before.Grant(), after.Grant(); {
			case a.Scopes.Missing(b.Scopes) != nil || len(b.Scopes) > 0 && (a.TTL > b.TTL || a.Expiry.After(b.Expiry)):
				grew++
				if !has(Widens) {
					t.Fatalf("the report %v hides that %+v gets %+v, and got %+v", list, f, a, b)
				}
			case b.Scopes.Missing(a.Scopes) != nil || len(a.Scopes) > 0 && (a.TTL < b.TTL || a.Expiry.Before(b.Expiry)):
				shrank++
				if !has(Shrinks) {
					t.Fatalf("the report %v hides that %+v gets %+v, and got %+v", list, f, a, b)
				}
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		for range 20 {
			property(t)
		}
	})
	if grew < 20 || shrank < 20 || same < 2 {
		t.Errorf("%d grew, %d shrank, %d are the same: that says little", grew, shrank, same)
	}
}

func one[T any](t *rapid.T, label string, from ...T) T { return rapid.SampledFrom(from).Draw(t, label) }

func anyTerms(t *rapid.T) ramp.Terms {
	terms := ramp.Terms{Service: "payments", Scopes: ramp.Scopes{"a", "b"}, BoundEntityNames: []string{"orders"}}
	for range rapid.IntRange(0, 4).Draw(t, "fields") {
		terms = edited(t, terms)
	}
	return terms
}

// edited is terms with one field drawn anew.
func edited(t *rapid.T, terms ramp.Terms) ramp.Terms {
	edits := map[string]func(){
		"scopes": func() {
			terms.Scopes = one(t, "scopes", ramp.Scopes{"a"}, ramp.Scopes{"a", "b"}, ramp.Scopes{"a", "b", "c"})
		},
		"names":    func() { terms.BoundEntityNames = one(t, "names", []string{"orders"}, []string{"orders", "billing"}) },
		"groups":   func() { terms.BoundGroups = one(t, "groups", nil, []string{"g1"}, []string{"g1", "g2"}) },
		"metadata": func() { terms.BoundEntityMetadata = one(t, "bound", nil, map[string]string{"team": "x"}) },
		"cidrs": func() {
			terms.BoundCIDRs = one(t, "cidrs", nil, []string{"10.0.0.0/8"}, []string{"10.0.0.0/8", "192.0.2.0/24"})
		},
		"ttl":        func() { terms.TTL = one(t, "ttl", ramp.Seconds(0), 60, 300) },
		"max_ttl":    func() { terms.MaxTTL = one(t, "max_ttl", ramp.Seconds(0), 600, 3600) },
		"not_before": func() { terms.NotBefore = one(t, "not_before", time.Time{}, noon, noon.Add(time.Minute)) },
		"max_active": func() { terms.MaxActive = one(t, "max_active", uint64(0), 1, 5) },
		"notes":      func() { terms.Metadata = one(t, "notes", nil, map[string]string{"ticket": "1"}) },
		"conditions": func() { terms.Conditions = anyConditions(t) },
		"stages":     func() { terms.Stages = anyStages(t) },
		"credential": func() { terms.Credential = one(t, "credential", nil, map[string]string{"profile": "jwt_svid"}) },
		"generation": func() { terms.GenerationOverlap = one(t, "overlap", ramp.Seconds(0), 60) },
		"subject":    func() { terms.Subject = one(t, "subject", "", "x/{{identity.entity.name}}") },
		"end and exit": func() {
			terms.OffRamp = nil
			if terms.ExpiresAt = one(t, "expires_at", time.Time{}, noon.Add(time.Hour), noon.Add(48*time.Hour)); !terms.ExpiresAt.IsZero() {
				terms.OffRamp = one(t, "off_ramp", nil, &ramp.OffRamp{Window: 1800, Scopes: ramp.Scopes{"a"}}, &ramp.OffRamp{Window: 7200, TTL: 30})
			}
		},
	}
	var names []string
	for name := range edits {
		names = append(names, name)
	}
	slices.Sort(names)
	edits[one(t, "edit", names...)]()
	if len(terms.Scopes) == 1 {
		terms.Stages = nil // which may have more
	}
	return terms
}

func anyConditions(t *rapid.T) []ramp.ConditionTerms {
	list := []ramp.ConditionTerms{}
	for _, name := range []string{"x", "y"} {
		if rapid.Bool().Draw(t, name) {
			list = append(list, ramp.ConditionTerms{Name: name, Expression: one(t, "expression", "true", "request.time.getMinutes() == 0"), On: one(t, "on", nil, []string{}, []string{"issue"}, []string{"renew"})})
		}
	}
	return list
}

func anyStages(t *rapid.T) []ramp.StageTerms {
	first := ramp.StageTerms{
		Name: "canary", Scopes: one(t, "stage scopes", ramp.Scopes{"a"}, ramp.Scopes{"a", "b"}), TTL: one(t, "stage ttl", ramp.Seconds(0), 30, 45),
		MaxActive: one(t, "stage max_active", uint64(0), 1, 3), Conditions: anyConditions(t), Idle: one(t, "idle", ramp.Seconds(0), 7200),
	}
	return one(t, "stages", nil, []ramp.StageTerms{first}, []ramp.StageTerms{first, {Name: "full", Scopes: ramp.Scopes{"a", "b"}}})
}

func anyFacts(t *rapid.T) ramp.Facts {
	return ramp.Facts{
		Now:        noon.Add(one(t, "now", -time.Second, 0, time.Minute, 45*time.Minute, 2*time.Hour, 47*time.Hour)),
		RemoteAddr: netip.MustParseAddr(one(t, "address", "10.1.2.3", "192.0.2.1", "203.0.113.9")),
		Request:    ramp.Request{Scopes: ramp.Scopes{one(t, "asked", "a", "b", "c")}}, // one, so that lives can be compared
		Limits:     ramp.Limits{TrustDomain: "example.org", DefaultTTL: 120, MaxTTL: 7200},
		Caller: &ramp.Caller{
			ID: "e1", Name: one(t, "name", "orders", "billing"), Metadata: map[string]string{"team": one(t, "team", "x", "y")},
			Groups: []ramp.Group{{ID: "1", Name: one(t, "group", "g1", "g2", "g3")}},
		},
	}
}

// What makes a stage easier to pass, or gives it more, is told by its name.
func TestStageChanges(t *testing.T) {
	old := ramp.StageTerms{
		Name: "canary", Scopes: ramp.Scopes{"a"}, TTL: 60, MaxActive: 1, Idle: 3600,
		Conditions: []ramp.ConditionTerms{{Name: "x", Expression: "true"}},
		Advance:    &ramp.Advance{After: 7 * 24 * 3600, Issued: 10, Accepted: 100, Approval: true},
		Retreat:    &ramp.Retreat{Refusals: 1, Within: 3600},
	}
	now := ramp.StageTerms{
		Name: "canary", Scopes: ramp.Scopes{"a", "b"}, TTL: 300, MaxActive: 5,
		Advance: &ramp.Advance{After: 60, Issued: 1},
		Retreat: &ramp.Retreat{Refusals: 9, Within: 3600},
	}
	said := func(old, now ramp.StageTerms) (list []string) {
		for _, c := range compareContracts(&ramp.Terms{Stages: []ramp.StageTerms{old}}, &ramp.Terms{Stages: []ramp.StageTerms{now}}) {
			list = append(list, c.String())
		}
		return list
	}
	want := []string{
		"widens: stages.canary.scopes +b", "widens: stages.canary.ttl 1m → 5m", "widens: stages.canary.max_active 1 → 5",
		"widens: stages.canary.conditions -x: true", "widens: stages.canary.advance.after 168h → 1m", "widens: stages.canary.advance.issued 10 → 1",
		"widens: stages.canary.advance.accepted 100 → 0", "widens: stages.canary.advance.approval no more",
		"changes: stages.canary.retreat refusals = 1, within = \"1h\" → refusals = 9, within = \"1h\"", "widens: stages.canary.idle 1h → none",
	}
	if got := said(old, now); !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	for i, text := range said(now, old) {
		if shrinks := strings.Replace(want[i][:7], "widens:", "shrinks", 1); !strings.HasPrefix(text, shrinks) {
			t.Errorf("the way back: %s", text)
		}
	}
	easy := ramp.StageTerms{Name: "first", Scopes: old.Scopes, Advance: &ramp.Advance{After: 60}}
	if got := said(old, easy); len(got) != 1 || !strings.Contains(got[0], "approval = true") || !strings.Contains(got[0], `first (scopes = ["a"], advance = { after = "1m" })`) {
		t.Errorf("another stage: %q", got)
	}
}

// Nothing that a contract says makes a terminal hide what else changes.
func TestChangesArePrintable(t *testing.T) {
	old := ramp.Terms{Scopes: ramp.Scopes{"a"}}
	now := ramp.Terms{
		Scopes: ramp.Scopes{"a", "b"}, Metadata: map[string]string{"owner": "équipe\x1b[1A\x1b[2K\u202e\xff"},
		Conditions: []ramp.ConditionTerms{{Name: "x", Expression: "true &&\n~ contract"}},
	}
	var got []string
	for _, c := range compareContracts(&old, &now) {
		got = append(got, c.String())
	}
	want := []string{"widens: +b", `shrinks: conditions +x: true &&\n~ contract`, `notes: metadata +owner=équipe\x1b[1A\x1b[2K\u202e�`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	created := describe(now, now.Scopes)
	for _, c := range created {
		if strings.ContainsAny(c.String(), "\x1b\n\u202e") {
			t.Errorf("%q", c)
		}
	}
}
