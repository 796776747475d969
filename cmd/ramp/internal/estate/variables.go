package estate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// Inputs give variables their values. A later source wins: environment,
// files in order, single values in order.
type Inputs struct {
	Environ []string // RAMP_VAR_name=value among others
	Files   []string
	Values  []string // name=value
}

// input is a value for a variable, or text that will be one when the type is known.
type input struct {
	value    cty.Value
	text     string
	at       *hcl.Range // nil: the environment or command line
	from     string
	optional bool // no such variable: no matter
}

const environPrefix = "RAMP_VAR_"

func (s *Sources) values(inputs Inputs) (map[string]input, hcl.Diagnostics) {
	values := map[string]input{}
	for _, pair := range inputs.Environ {
		name, text, _ := strings.Cut(pair, "=")
		if name, ok := strings.CutPrefix(name, environPrefix); ok {
			values[name] = input{text: text, from: environPrefix + name, optional: true}
		}
	}
	var diags hcl.Diagnostics
	for _, path := range inputs.Files {
		f, more := s.file(path)
		if diags = append(diags, more...); f == nil || more.HasErrors() {
			continue
		}
		attributes, more := f.Body.JustAttributes()
		diags = append(diags, more...)
		for name, a := range attributes {
			value, more := a.Expr.Value(nil)
			diags = append(diags, more...)
			values[name] = input{value: value, at: &a.NameRange}
		}
	}
	for _, pair := range inputs.Values {
		name, text, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			diags = append(diags, failed("value without a name", fmt.Sprintf("-var=%s must be -var=name=value.", pair), nil)...)
			continue
		}
		values[name] = input{text: text, from: "-var=" + name}
	}
	return values, diags
}

var variableSchema = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "type"}, {Name: "default"}, {Name: "description"}}}

// variables are the values of a module's variables.
func (m *module) variables() (map[string]cty.Value, hcl.Diagnostics) {
	var diags hcl.Diagnostics
	values, seen := map[string]cty.Value{}, names{}
	for _, b := range m.blocks["variable"] {
		if diags = append(diags, seen.add(b)...); diags.HasErrors() {
			continue
		}
		value, more := m.variable(b)
		diags = append(diags, more...)
		values[b.Labels[0]] = value
	}
	for name, in := range m.values {
		if _, declared := seen[name]; declared || in.optional {
			continue
		}
		at := in.at
		if at == nil && m.caller != nil {
			at = &m.caller.DefRange
		}
		diags = append(diags, failed("no such variable", fmt.Sprintf("There is no variable %q. Declared are: %s.", name, seen), at)...)
	}
	return values, diags
}

func (m *module) variable(b *hcl.Block) (cty.Value, hcl.Diagnostics) {
	name := b.Labels[0]
	content, diags := b.Body.Content(variableSchema)
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	want, defaults := cty.DynamicPseudoType, (*typeexpr.Defaults)(nil)
	if a := content.Attributes["type"]; a != nil {
		if want, defaults, diags = typeexpr.TypeConstraintWithDefaults(a.Expr); diags.HasErrors() {
			return cty.DynamicVal, diags
		}
	}
	in, given := m.values[name]
	if !given {
		a := content.Attributes["default"]
		if a == nil {
			return cty.DynamicVal, m.missing(b)
		}
		value, diags := a.Expr.Value(nil)
		if diags.HasErrors() {
			return cty.DynamicVal, diags
		}
		in = input{value: value, at: &a.Range}
	}
	if in.value == cty.NilVal {
		var diags hcl.Diagnostics
		if in.value, diags = parseValue(in, want); diags.HasErrors() {
			return cty.DynamicVal, diags
		}
	}
	if defaults != nil {
		in.value = defaults.Apply(in.value)
	}
	value, err := convert.Convert(in.value, want)
	if err != nil {
		return cty.DynamicVal, failed("value of the wrong type", fmt.Sprintf("Variable %q: %s.", name, err), in.at)
	}
	return value, nil
}

func (m *module) missing(b *hcl.Block) hcl.Diagnostics {
	name := b.Labels[0]
	if m.caller != nil {
		return failed("variable without a value", fmt.Sprintf("Module %q has to set %s.", m.caller.Labels[0], name), &m.caller.DefRange)
	}
	return failed("variable without a value", fmt.Sprintf("Variable %q has no default. Set it: -var=%s=…, a line in a -var-file, or %s%s in the environment.", name, name, environPrefix, name), &b.DefRange)
}

// parseValue reads what the command line or environment says: an expression,
// but the text itself for what is a string.
func parseValue(in input, want cty.Type) (cty.Value, hcl.Diagnostics) {
	if want.IsPrimitiveType() || want == cty.DynamicPseudoType {
		return cty.StringVal(in.text), nil
	}
	expr, diags := hclsyntax.ParseExpression([]byte(in.text), in.from, hcl.InitialPos)
	if diags.HasErrors() {
		return cty.DynamicVal, failed("value that cannot be read", fmt.Sprintf("%s: %s.", in.from, diags[0].Summary), nil)
	}
	return expr.Value(nil)
}

// names tells blocks of one kind apart.
type names map[string]hcl.Range

func (n names) add(b *hcl.Block) hcl.Diagnostics {
	name := b.Labels[0]
	if first, ok := n[name]; ok {
		return failed("name used twice", fmt.Sprintf("%s %q is declared at %s already.", b.Type, name, first), &b.DefRange)
	}
	n[name] = b.DefRange
	return nil
}

func (n names) String() string {
	var list []string
	for name := range n {
		list = append(list, name)
	}
	if list == nil {
		return "none"
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}
