package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/estate"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// Effect is what a change does to the rights of callers.
type Effect string

const (
	Widens  Effect = "widens"
	Shrinks Effect = "shrinks"
	Changes Effect = "changes" // both, or it cannot be told
	Notes   Effect = "notes"   // neither
	Sets    Effect = "sets"    // a field of what is new
)

// Change is one difference between two versions of terms.
type Change struct {
	Effect Effect `json:"effect"`
	Field  string `json:"field"`
	Text   string `json:"text"` // such as +invoices:write
}

func (c Change) String() string {
	if c.Field == "scopes" {
		return fmt.Sprintf("%s: %s", c.Effect, c.Text)
	}
	return fmt.Sprintf("%s: %s %s", c.Effect, c.Field, c.Text)
}

type changes []Change

func (c *changes) add(effect Effect, field, format string, args ...any) {
	*c = append(*c, Change{effect, field, fmt.Sprintf(format, args...)})
}

// compareContracts lists what an edit of a contract does.
func compareContracts(old, now *ramp.Terms) []Change {
	var c changes
	c.value(Changes, "service", old.Service, now.Service)
	c.value(Changes, "credential_type", old.CredentialType, now.CredentialType)
	c.pairs(Changes, "credential", old.Credential, now.Credential)
	c.set("scopes", old.Scopes, now.Scopes, Widens)
	c.oneOf("bound_entity_ids", old.BoundEntityIDs, now.BoundEntityIDs)
	c.oneOf("bound_entity_names", old.BoundEntityNames, now.BoundEntityNames)
	c.oneOf("bound_groups", old.BoundGroups, now.BoundGroups)
	c.allOf("bound_entity_metadata", old.BoundEntityMetadata, now.BoundEntityMetadata)
	c.allOf("bound_alias_metadata", old.BoundAliasMetadata, now.BoundAliasMetadata)
	c.oneOf("bound_auth_mounts", old.BoundAuthMounts, now.BoundAuthMounts)
	c.oneOf("bound_cidrs", old.BoundCIDRs, now.BoundCIDRs)
	c.value(Changes, "subject", old.Subject, now.Subject)
	c.usual("ttl", old.TTL, now.TTL)
	c.limit("max_ttl", uint64(old.MaxTTL), uint64(now.MaxTTL), seconds)
	c.time("not_before", old.NotBefore, now.NotBefore, now.NotBefore.Before(old.NotBefore))
	c.time("expires_at", old.ExpiresAt, now.ExpiresAt, now.ExpiresAt.IsZero() || !old.ExpiresAt.IsZero() && now.ExpiresAt.After(old.ExpiresAt))
	c.conditions(old.Conditions, now.Conditions)
	c.whole("stages", old.Stages, now.Stages, len(old.Stages) == 0, len(now.Stages) == 0)
	c.whole("off_ramp", old.OffRamp, now.OffRamp, old.OffRamp == nil, now.OffRamp == nil)
	c.limit("max_active", old.MaxActive, now.MaxActive, number)
	c.value(Notes, "generation_overlap", estate.Duration(old.GenerationOverlap), estate.Duration(now.GenerationOverlap))
	c.pairs(Notes, "metadata", old.Metadata, now.Metadata)
	return c
}

// compareServices lists what an edit of a service does.
func compareServices(old, now ramp.ServiceTerms) []Change {
	var c changes
	c.value(Changes, "audience", old.Audience, now.Audience)
	c.set("scopes", old.Scopes, now.Scopes, Widens)
	c.limit("max_ttl", uint64(old.MaxTTL), uint64(now.MaxTTL), seconds)
	c.value(Changes, "revocation", old.Revocation, now.Revocation)
	c.demand("proof", old.Proof, now.Proof, ramp.ProofNone)
	c.demand("consent", old.Consent, now.Consent, ramp.ConsentOpen)
	c.conditions(old.Conditions, now.Conditions)
	c.value(Notes, "owner", old.Owner, now.Owner)
	c.pairs(Notes, "metadata", old.Metadata, now.Metadata)
	return c
}

// describe lists what something new has.
func describe(terms any, scopes ramp.Scopes) []Change {
	c := changes{{Widens, "scopes", "+" + strings.Join(scopes, " +")}}
	for _, a := range estate.Attributes(terms) {
		if a.Name != "scopes" {
			c.add(Sets, a.Name, "= %s", oneLine(a.Expression))
		}
	}
	return c
}

func arrow(old, now string) string {
	name := func(s string) string {
		if s == "" {
			return "none"
		}
		return s
	}
	return name(old) + " → " + name(now)
}

func (c *changes) value(effect Effect, field, old, now string) {
	if old != now {
		c.add(effect, field, "%s", arrow(old, now))
	}
}

// demand is something the service asks for, unless it is free.
func (c *changes) demand(field, old, now, free string) {
	switch {
	case old == now:
	case now == free:
		c.value(Widens, field, old, now)
	case old == free:
		c.value(Shrinks, field, old, now)
	default:
		c.value(Changes, field, old, now)
	}
}

// set is a set whose growth has an effect, and whose loss has the opposite one.
func (c *changes) set(field string, old, now []string, growth Effect) {
	loss := Shrinks
	if growth == Shrinks {
		loss = Widens
	}
	if more := without(now, old); len(more) > 0 {
		c.add(growth, field, "+%s", strings.Join(more, " +"))
	}
	if less := without(old, now); len(less) > 0 {
		c.add(loss, field, "-%s", strings.Join(less, " -"))
	}
}

// oneOf is a binding that keeps everybody else out, so its first element
// shrinks, and its last one gone opens it to all that the others admit.
func (c *changes) oneOf(field string, old, now []string) {
	switch {
	case len(old) == 0 && len(now) > 0:
		c.add(Shrinks, field, "to %s", strings.Join(now, ", "))
	case len(old) > 0 && len(now) == 0:
		c.add(Widens, field, "from %s to anybody whom the other bindings admit", strings.Join(old, ", "))
	default:
		c.set(field, old, now, Widens)
	}
}

func (c *changes) allOf(field string, old, now map[string]string) {
	c.set(field, list(old), list(now), Shrinks)
}

func (c *changes) pairs(effect Effect, field string, old, now map[string]string) {
	var texts []string
	for _, p := range without(list(now), list(old)) {
		texts = append(texts, "+"+p)
	}
	for _, p := range without(list(old), list(now)) {
		texts = append(texts, "-"+p)
	}
	if texts != nil {
		c.add(effect, field, "%s", strings.Join(texts, " "))
	}
}

func seconds(n uint64) string { return estate.Duration(ramp.Seconds(n)) } //nolint:gosec // it was Seconds before
func number(n uint64) string  { return fmt.Sprint(n) }

// limit is a ceiling; 0 is none.
func (c *changes) limit(field string, old, now uint64, text func(uint64) string) {
	name := func(n uint64) string {
		if n == 0 {
			return ""
		}
		return text(n)
	}
	switch {
	case old == now:
	case now == 0 || old != 0 && now > old:
		c.add(Widens, field, "%s", arrow(name(old), name(now)))
	default:
		c.add(Shrinks, field, "%s", arrow(name(old), name(now)))
	}
}

// usual is how long a lease runs; without one the mount says.
func (c *changes) usual(field string, old, now ramp.Seconds) {
	if old == 0 || now == 0 {
		if old != now {
			c.add(Changes, field, "%s", strings.ReplaceAll(arrow(estate.Duration(old), estate.Duration(now)), "0s", "the mount's default"))
		}
		return
	}
	c.limit(field, uint64(old), uint64(now), seconds) //nolint:gosec // valid terms have none below 0
}

func (c *changes) time(field string, old, now time.Time, widens bool) {
	if old.Equal(now) {
		return
	}
	effect := Shrinks
	if widens {
		effect = Widens
	}
	c.add(effect, field, "%s", arrow(stamp(old), stamp(now)))
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func (c *changes) conditions(old, now []ramp.ConditionTerms) {
	was, is := map[string]ramp.ConditionTerms{}, map[string]ramp.ConditionTerms{}
	for _, t := range old {
		was[t.Name] = t
	}
	for _, t := range now {
		is[t.Name] = t
		if before, ok := was[t.Name]; !ok {
			c.add(Shrinks, "conditions", "+%s: %s", t.Name, t.Expression)
		} else if before.Expression != t.Expression {
			c.add(Changes, "conditions", "%s: %s → %s", t.Name, before.Expression, t.Expression)
		} else if !equal(before.On, t.On) && len(before.On)+len(t.On) > 0 {
			c.add(Changes, "conditions", "%s: on %v → %v", t.Name, before.On, t.On)
		}
	}
	for _, t := range old {
		if _, ok := is[t.Name]; !ok {
			c.add(Widens, "conditions", "-%s: %s", t.Name, t.Expression)
		}
	}
	if len(old)+len(now) > 0 && !equal(old, now) && (len(*c) == 0 || (*c)[len(*c)-1].Field != "conditions") {
		c.add(Changes, "conditions", "in another order")
	}
}

func (c *changes) whole(field string, old, now any, wasNone, isNone bool) {
	switch {
	case equal(old, now), wasNone && isNone:
	case wasNone:
		c.add(Shrinks, field, "%s", outline(now))
	case isNone:
		c.add(Widens, field, "no more: %s", outline(old))
	default:
		c.add(Changes, field, "%s → %s", outline(old), outline(now))
	}
}

// equal compares what would be stored: an absent list is an empty list.
func equal(a, b any) bool {
	x, _ := json.Marshal(a) // terms always marshal
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}

// outline says the gist of stages or an off-ramp on one line.
func outline(v any) string {
	switch v := v.(type) {
	case []ramp.StageTerms:
		var list []string
		for _, s := range v {
			list = append(list, fmt.Sprintf("%s (%s)", s.Name, s.Scopes))
		}
		return strings.Join(list, ", ")
	case *ramp.OffRamp:
		text := "window " + estate.Duration(v.Window)
		if len(v.Scopes) > 0 {
			text += ", scopes " + v.Scopes.String()
		}
		if v.TTL > 0 {
			text += ", ttl " + estate.Duration(v.TTL)
		}
		return text
	}
	return ""
}

func without(list, other []string) []string {
	var rest []string
	for _, v := range list {
		if !slices.Contains(other, v) {
			rest = append(rest, v)
		}
	}
	return rest
}

func list(pairs map[string]string) []string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(pairs)) {
		all = append(all, k+"="+pairs[k])
	}
	return all
}

// oneLine drops the layout of an expression; texts in it have no line breaks.
func oneLine(expression string) string {
	var lines []string
	for line := range strings.Lines(expression) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.Join(lines, " ")
}
