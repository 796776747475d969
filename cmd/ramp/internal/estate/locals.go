package estate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// locals evaluates the blocks locals, each value after those it mentions.
func (m *module) locals() hcl.Diagnostics {
	all := hcl.Attributes{}
	var diags hcl.Diagnostics
	for _, b := range m.blocks["locals"] {
		attributes, more := b.Body.JustAttributes()
		diags = append(diags, more...)
		for name, a := range attributes {
			if first, ok := all[name]; ok {
				diags = append(diags, failed("name used twice", fmt.Sprintf("local.%s is declared at %s already.", name, first.NameRange), &a.NameRange)...)
			}
			all[name] = a
		}
	}
	if diags.HasErrors() {
		return diags
	}
	o := &ordered{module: m, all: all, done: map[string]cty.Value{}}
	for name := range all {
		diags = append(diags, o.evaluate(name)...)
		if diags.HasErrors() {
			return diags // others may mention what has no value
		}
	}
	m.scope.Variables["local"] = cty.ObjectVal(o.done)
	return nil
}

// ordered is locals on the way to their values.
type ordered struct {
	*module
	all  hcl.Attributes
	done map[string]cty.Value
	path []string // what mentions what, to find a circle
}

func (o *ordered) evaluate(name string) hcl.Diagnostics {
	a := o.all[name]
	if _, ok := o.done[name]; ok || a == nil {
		return nil // what is not there is found when the expression is evaluated
	}
	if slices.Contains(o.path, name) {
		return failed("circle of locals", fmt.Sprintf("local.%s mentions itself: %s.", name, strings.Join(append(o.path, name), " → ")), &a.NameRange)
	}
	o.path = append(o.path, name)
	for _, t := range a.Expr.Variables() {
		if t.RootName() != "local" || len(t) < 2 {
			continue
		}
		if step, ok := t[1].(hcl.TraverseAttr); ok {
			if diags := o.evaluate(step.Name); diags.HasErrors() {
				return diags
			}
		}
	}
	o.path = o.path[:len(o.path)-1]
	o.scope.Variables["local"] = cty.ObjectVal(o.done)
	value, diags := a.Expr.Value(o.scope)
	o.done[name] = value
	return diags
}
