package ramp_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// seen is what the generations look like at a time: live ones in order, with
// how long they have, the current one last.
func seen(gs ramp.Generations, now time.Time) string {
	text := ""
	for _, g := range gs {
		switch {
		case g.Until.IsZero():
			text += g.Name + " "
		case now.Before(g.Until):
			text += fmt.Sprintf("%s(%s) ", g.Name, g.Until.Sub(now))
		}
	}
	return text
}

func TestDeployments(t *testing.T) {
	type step struct {
		at      time.Duration
		deploy  string
		overlap ramp.Seconds
		want    string
	}
	for name, story := range map[string][]step{
		"one after the other": {{0, "v1", 60, "v1 "}, {time.Hour, "v2", 60, "v1(1m0s) v2 "}, {2 * time.Hour, "v3", 60, "v2(1m0s) v3 "}},
		"no overlap":          {{0, "v1", 0, "v1 "}, {time.Minute, "v2", 0, "v2 "}},
		"deploy in a deploy":  {{0, "v1", 0, "v1 "}, {0, "v2", 60, "v1(1m0s) v2 "}, {30 * time.Second, "v3", 60, "v1(30s) v2(1m0s) v3 "}},
		"shorter overlap":     {{0, "v1", 0, "v1 "}, {0, "v2", 600, "v1(10m0s) v2 "}, {time.Second, "v3", 5, "v1(5s) v2(5s) v3 "}},
		"all of them, now":    {{0, "v1", 0, "v1 "}, {0, "v2", 600, "v1(10m0s) v2 "}, {time.Second, "v3", 0, "v3 "}},
		"same name twice":     {{0, "v1", 0, "v1 "}, {0, "v2", 60, "v1(1m0s) v2 "}, {time.Second, "v2", 5, "v1(59s) v2 "}},
		"rollback":            {{0, "v1", 0, "v1 "}, {0, "v2", 60, "v1(1m0s) v2 "}, {10 * time.Second, "v1", 60, "v2(1m0s) v1 "}},
		"rollback, late":      {{0, "v1", 0, "v1 "}, {0, "v2", 60, "v1(1m0s) v2 "}, {time.Hour, "v1", 60, "v2(1m0s) v1 "}},
		"there and back":      {{0, "v1", 0, "v1 "}, {0, "v2", 60, "v1(1m0s) v2 "}, {0, "v1", 60, "v2(1m0s) v1 "}, {time.Second, "v2", 60, "v1(1m0s) v2 "}},
	} {
		var gs ramp.Generations
		for _, s := range story {
			now := noon.Add(s.at)
			if gs = gs.Deploy(s.deploy, s.overlap, now); seen(gs, now) != s.want || gs.Current() != s.deploy {
				t.Errorf("%s: %s at %s gives %q, want %q", name, s.deploy, s.at, seen(gs, now), s.want)
			}
		}
	}
}

func TestWhichGenerationIsIssued(t *testing.T) {
	w := plain()
	w.Facts.Request.Generation = "anything"
	if d := w.decide(t); d.Denial() != nil || d.Grant().Generation != "anything" {
		t.Errorf("before the first deploy a name is a label: %v %+v", d.Denial(), d.Grant())
	}
	w.State.Generations = ramp.Generations{}.Deploy("v1", 0, noon).Deploy("v2", 90, noon)
	for _, tc := range []struct {
		at              time.Duration
		presented, want string
		expiry          time.Duration // of the credential, from noon
		denied          ramp.Code
	}{
		{0, "", "v2", time.Hour, ""},
		{0, "v2", "v2", time.Hour, ""},
		{30 * time.Second, "v1", "v1", 90 * time.Second, ""}, // ends with the overlap
		{89 * time.Second, "v1", "v1", 90 * time.Second, ""},
		{90 * time.Second, "v1", "", 0, ramp.GenerationRetired},
		{0, "v0", "", 0, ramp.GenerationRetired},
		{90 * time.Second, "", "v2", time.Hour + 90*time.Second, ""},
	} {
		w.Facts.Now, w.Facts.Request.Generation = noon.Add(tc.at), tc.presented
		d := w.decide(t)
		if denial := d.Denial(); denial != nil {
			if denial.Code != tc.denied {
				t.Errorf("%+v: %v", tc, denial)
			}
			continue
		}
		if g := d.Grant(); tc.denied != "" || g.Generation != tc.want || !g.Expiry.Equal(noon.Add(tc.expiry)) {
			t.Errorf("%+v: %+v", tc, g)
		}
	}
}

// A renewal presents the generation of the credential; one from before the
// first deploy has none, and the floor ends it.
func TestGenerationsOfRenewals(t *testing.T) {
	w := plain().renewal()
	w.State.Generations = ramp.Generations{}.Deploy("v1", 0, noon).Deploy("v2", 90, noon)
	for _, tc := range []struct {
		held   string
		at     time.Duration
		denied bool
	}{{"v2", time.Minute, false}, {"v1", 89 * time.Second, false}, {"v1", 90 * time.Second, true}, {"v0", 0, true}, {"", time.Minute, false}} {
		w.Facts.Held.Generation, w.Facts.Now = tc.held, noon.Add(tc.at)
		if d := w.decide(t); (d.Denial() != nil) != tc.denied || tc.denied && d.Denial().Code != ramp.GenerationRetired {
			t.Errorf("%+v: %v", tc, d.Denial())
		}
	}
}

func TestConsentIsForOneRevision(t *testing.T) {
	w := plain()
	w.Service.Consent = ramp.ConsentRequired
	denied(t, w, ramp.ConsentMissing, "has not accepted")
	w.State.Consent = w.contract(t).Revision()
	if d := w.decide(t); d.Denial() != nil {
		t.Fatal(d.Denial())
	}
	w.State.Generations = w.State.Generations.Deploy("v1", 0, noon)
	w.State.Progress = ramp.Progress{Issued: 3}
	if d := w.decide(t); d.Denial() != nil {
		t.Errorf("a deploy voids consent: %v", d.Denial())
	}
	w.Terms.Metadata = map[string]string{"ticket": "RAMP-1"}
	denied(t, w, ramp.ConsentMissing, "another revision")
	w = w.renewal()
	denied(t, w, ramp.ConsentMissing, "another revision")
	w.Service.Consent = ramp.ConsentOpen
	if d := w.decide(t); d.Denial() != nil {
		t.Errorf("an open service asks for consent: %v", d.Denial())
	}
}
