package plan

import (
	"slices"
	"strings"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/estate"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// stages compares a ramp stage by stage; one whose steps are others, as a whole.
func (c *changes) stages(old, now []ramp.StageTerms) {
	if !slices.EqualFunc(old, now, func(a, b ramp.StageTerms) bool { return a.Name == b.Name }) {
		c.whole("stages", old, now, len(old) == 0, len(now) == 0)
		return
	}
	for i := range old {
		c.stage("stages."+old[i].Name+".", &old[i], &now[i])
	}
}

func (c *changes) stage(at string, old, now *ramp.StageTerms) {
	c.set(at+"scopes", old.Scopes, now.Scopes, Widens)
	c.limit(at+"ttl", uint64(old.TTL), uint64(now.TTL), seconds)
	c.limit(at+"max_active", old.MaxActive, now.MaxActive, number)
	c.conditions(at+"conditions", old.Conditions, now.Conditions)
	switch a, b := old.Advance, now.Advance; {
	case a == nil && b == nil:
	case a == nil || b == nil:
		c.add(Changes, at+"advance", "%s", arrow(outline(a), outline(b)))
	default:
		c.hurdle(at+"advance.after", uint64(a.After), uint64(b.After), seconds)
		c.hurdle(at+"advance.issued", a.Issued, b.Issued, number)
		c.hurdle(at+"advance.accepted", a.Accepted, b.Accepted, number)
		if a.Approval && !b.Approval {
			c.add(Widens, at+"advance.approval", "no more")
		} else if b.Approval && !a.Approval {
			c.add(Shrinks, at+"advance.approval", "required")
		}
	}
	if !equal(old.Retreat, now.Retreat) {
		c.add(Changes, at+"retreat", "%s", arrow(outline(old.Retreat), outline(now.Retreat)))
	}
	c.limit(at+"idle", uint64(old.Idle), uint64(now.Idle), seconds)
}

// hurdle is what a caller has to reach, so that less of it lets in more; 0 is none.
func (c *changes) hurdle(field string, old, now uint64, text func(uint64) string) {
	effect := Shrinks
	if now < old {
		effect = Widens
	}
	c.value(effect, field, text(old), text(now))
}

// outline says on one line what stages, or a part of them, or an off-ramp have;
// "" for nothing.
func outline(v any) string {
	var list []string
	switch v := v.(type) {
	case []ramp.StageTerms:
		for _, s := range v {
			name := s.Name
			s.Name = ""
			list = append(list, name+" ("+fields(s)+")")
		}
	case *ramp.Advance:
		if v != nil {
			return fields(*v)
		}
	case *ramp.Retreat:
		if v != nil {
			return fields(*v)
		}
	case *ramp.OffRamp:
		if v != nil {
			return fields(*v)
		}
	}
	return strings.Join(list, ", ")
}

func fields(terms any) string {
	var list []string
	for _, a := range estate.Attributes(terms) {
		list = append(list, a.Name+" = "+oneLine(a.Expression))
	}
	return strings.Join(list, ", ")
}
