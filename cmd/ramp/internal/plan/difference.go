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

func seconds(n uint64) string { return estate.Duration(ramp.Seconds(n)) }
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
	c.limit(field, uint64(old), uint64(now), seconds)
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

func (c *changes) conditions(field string, old, now []ramp.ConditionTerms) {
	was, is := map[string]ramp.ConditionTerms{}, map[string]ramp.ConditionTerms{}
	for _, t := range old {
		was[t.Name] = t
	}
	for _, t := range now {
		is[t.Name] = t
		if before, ok := was[t.Name]; !ok {
			c.add(Shrinks, field, "+%s: %s", t.Name, t.Expression)
		} else if before.Expression != t.Expression {
			c.add(Changes, field, "%s: %s → %s", t.Name, before.Expression, t.Expression)
		} else if !equal(before.On, t.On) && len(before.On)+len(t.On) > 0 {
			c.add(Changes, field, "%s: on %v → %v", t.Name, before.On, t.On)
		}
	}
	for _, t := range old {
		if _, ok := is[t.Name]; !ok {
			c.add(Widens, field, "-%s: %s", t.Name, t.Expression)
		}
	}
	if len(old)+len(now) > 0 && !equal(old, now) && (len(*c) == 0 || (*c)[len(*c)-1].Field != field) {
		c.add(Changes, field, "in another order")
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
