package estate

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
)

// declaration is a block that was read, and where its parts are.
type declaration struct {
	kind, name string
	place      hcl.Range
	attributes hcl.Attributes
}

// decode evaluates the block and sets the fields of the struct that v points
// at, as the engine does from a request.
func decode(b *hcl.Block, scope *hcl.EvalContext, v any) (*declaration, hcl.Diagnostics) {
	d := &declaration{kind: b.Type, place: b.DefRange}
	if len(b.Labels) > 0 {
		d.name = b.Labels[0]
	}
	schema := &hcl.BodySchema{}
	for _, f := range endpoint.Fields(reflect.TypeOf(v).Elem()) {
		schema.Attributes = append(schema.Attributes, hcl.AttributeSchema{Name: f.Name})
	}
	named := b.Type == "service" || b.Type == "contract"
	if named {
		schema.Attributes = append(schema.Attributes, hcl.AttributeSchema{Name: "name"})
	}
	content, diags := b.Body.Content(schema)
	d.attributes = content.Attributes
	object := map[string]any{}
	for name, a := range content.Attributes {
		value, more := a.Expr.Value(scope)
		diags = append(diags, more...)
		if more.HasErrors() || value.IsNull() {
			continue
		}
		plain, err := plain(value)
		if err != nil {
			diags = append(diags, failed("value that no field takes", fmt.Sprintf("%s: %s.", name, err), a.Expr.Range().Ptr())...)
			continue
		}
		object[name] = plain
	}
	if diags.HasErrors() {
		return d, diags
	}
	if name, ok := object["name"]; named && ok {
		d.name = fmt.Sprint(name)
		delete(object, "name")
	}
	if err := endpoint.Decode(object, v); err != nil {
		return d, d.refused(err.Error())
	}
	return d, diags
}

// plain turns a value into what a request has after it came as JSON.
func plain(v cty.Value) (made any, err error) {
	if !v.IsWhollyKnown() {
		return nil, fmt.Errorf("has no known value")
	}
	text, err := ctyjson.SimpleJSONValue{Value: v}.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return made, json.Unmarshal(text, &made)
}

// refused is an error in the words of the engine, at the place it is about.
func (d *declaration) refused(reason string) hcl.Diagnostics {
	what := "block " + d.kind
	if d.name != "" {
		what = fmt.Sprintf("%s %q", d.kind, d.name)
	}
	return failed(what+" is refused", sentence(reason), d.find(reason).Ptr())
}

func sentence(s string) string {
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

var word = regexp.MustCompile(`[a-z_]+`)

// find is the place that a reason is about: the first field it names, and in
// a list of objects the one it quotes the name of.
func (d *declaration) find(reason string) hcl.Range {
	if a := d.attributes["scopes"]; a != nil && strings.Contains(reason, "offer scope") {
		return element(a, reason)
	}
	for _, name := range word.FindAllString(reason, -1) {
		if a := d.attributes[name]; a != nil {
			return element(a, reason)
		}
	}
	return d.place
}

func element(a *hcl.Attribute, reason string) hcl.Range {
	list, diags := hcl.ExprList(a.Expr)
	if diags.HasErrors() {
		return a.Range
	}
	for _, e := range list {
		if value, diags := e.Value(nil); !diags.HasErrors() && value.Type() == cty.String && !value.IsNull() && strings.Contains(reason, quoted(value)) {
			return e.Range()
		}
		pairs, diags := hcl.ExprMap(e)
		if diags.HasErrors() {
			continue
		}
		for _, p := range pairs {
			if hcl.ExprAsKeyword(p.Key) == "name" || literal(p.Key) == "name" {
				if name, diags := p.Value.Value(nil); !diags.HasErrors() && name.Type() == cty.String && !name.IsNull() && strings.Contains(reason, quoted(name)) {
					return e.Range()
				}
			}
		}
	}
	return a.Range
}

func quoted(v cty.Value) string { return fmt.Sprintf("%q", v.AsString()) }

func literal(e hcl.Expression) string {
	if v, diags := e.Value(nil); !diags.HasErrors() && v.Type() == cty.String && !v.IsNull() {
		return v.AsString()
	}
	return ""
}
