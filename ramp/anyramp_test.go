package ramp_test

import (
	"time"

	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// anyRamp draws a world with what ramps a contract up and down: stages,
// off-ramp, generations, consent, limits and conditions.
func anyRamp(t *rapid.T) world {
	w := anyWorld(t)
	w.Terms.Conditions, w.Service.Conditions = anyConditions(t), anyConditions(t)
	if rapid.Bool().Draw(t, "stages") {
		w.Terms.Stages = anyStages(t, w.Terms.Scopes)
		w.State.Progress = ramp.Progress{
			Stage: oneOf(t, "stage", "", "canary", "full", "gone"), Since: noon.Add(-oneOf(t, "since", time.Hour, time.Minute)),
			Issued: rapid.Uint64Range(0, 3).Draw(t, "issued"), Accepted: rapid.Uint64Range(0, 3).Draw(t, "accepted"), LastUsed: noon,
		}
	}
	if rapid.Bool().Draw(t, "off-ramp") {
		w.Terms.ExpiresAt = later(w.Facts.Now, w.Terms.NotBefore).Add(oneOf(t, "ends in", time.Second, time.Minute, time.Hour, 48*time.Hour)).Truncate(time.Second)
		w.Terms.OffRamp = &ramp.OffRamp{Window: oneOf(t, "window", ramp.Seconds(30), 1800, 100_000), Scopes: w.Terms.Scopes[:1], TTL: oneOf(t, "off-ramp ttl", ramp.Seconds(0), 20)}
	}
	if rapid.Bool().Draw(t, "deployed") {
		w.State.Generations = ramp.Generations{}.Deploy("v1", 0, noon).Deploy("v2", oneOf(t, "overlap", ramp.Seconds(0), 60, 50_000), noon)
		name := oneOf(t, "generation", "", "v1", "v2", "v3")
		w.Facts.Request.Generation, w.Facts.Held.Generation = name, name
	}
	w.Terms.MaxActive, w.State.Active = oneOf(t, "max_active", uint64(0), 2), rapid.Uint64Range(0, 3).Draw(t, "active")
	if rapid.Bool().Draw(t, "consent") {
		w.Service.Consent = ramp.ConsentRequired
		if c, _ := w.build(t); !rarely(t) {
			w.State.Consent = c.Revision()
		}
	}
	return w
}

func anyConditions(t *rapid.T) []ramp.ConditionTerms {
	var list []ramp.ConditionTerms
	for _, name := range []string{"first", "second"}[:rapid.IntRange(0, 2).Draw(t, "conditions")] {
		expression := "yes"
		if rarely(t) {
			expression = oneOf(t, "answer", "no", "error")
		}
		list = append(list, ramp.ConditionTerms{Name: name, Expression: expression, On: sometimes(t, "on", ramp.OnIssue, ramp.OnRenew, ramp.OnRequest)})
	}
	return list
}

func anyStages(t *rapid.T, scopes ramp.Scopes) []ramp.StageTerms {
	return []ramp.StageTerms{
		{
			Name: "canary", Scopes: scopes[:1], TTL: oneOf(t, "stage ttl", ramp.Seconds(0), 30), MaxActive: oneOf(t, "stage max_active", uint64(0), 1),
			Advance: &ramp.Advance{After: oneOf(t, "after", ramp.Seconds(0), 600), Issued: 1, Accepted: oneOf(t, "accepted", uint64(0), 2), Approval: rapid.Bool().Draw(t, "approval")},
			Retreat: &ramp.Retreat{Denials: 1, Within: 60},
		},
		{Name: "full", Scopes: scopes, Conditions: anyConditions(t), Idle: oneOf(t, "idle", ramp.Seconds(0), 3600)},
	}
}
