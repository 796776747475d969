package estate

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/condition"
)

// Load reads the files that paths mean, as one module, and checks all they
// declare by itself; see [Estate.Check] for the rest. The estate is as complete
// as the errors allow.
func (s *Sources) Load(inputs Inputs, paths ...string) (*Estate, hcl.Diagnostics) {
	files, err := Find(paths...)
	if err != nil {
		return nil, failed("nothing to read", sentence(err.Error()), nil)
	}
	return s.load(inputs, files)
}

func (s *Sources) load(inputs Inputs, files []string) (*Estate, hcl.Diagnostics) {
	values, diags := s.values(inputs)
	if diags.HasErrors() {
		return nil, diags
	}
	l := &loader{sources: s, estate: &Estate{}, conditions: condition.NewCompiler()}
	diags = append(diags, l.module(&module{files: files, values: values})...)
	helpNames(diags)
	l.estate.Owned = l.estate.Settings.Owner != ""
	l.estate.Settings.fill()
	slices.SortStableFunc(l.estate.Services, func(a, b *Service) int { return strings.Compare(a.Name, b.Name) })
	slices.SortStableFunc(l.estate.Contracts, func(a, b *Contract) int { return strings.Compare(a.Name, b.Name) })
	return l.estate, diags
}

// loader builds an estate.
type loader struct {
	sources    *Sources
	estate     *Estate
	conditions *condition.Compiler
	settings   *hcl.Range // of the block estate
	modules    int
}

// module is a set of files with the values of their variables.
type module struct {
	files  []string
	values map[string]input
	caller *hcl.Block // nil: the root
	depth  int

	scope  *hcl.EvalContext
	blocks map[string]hcl.Blocks
}

const (
	maxNesting = 8    // of modules
	maxModules = 5000 // instances
)

var topLevel = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
	{Type: "estate"}, {Type: "locals"},
	{Type: "variable", LabelNames: []string{"name"}}, {Type: "module", LabelNames: []string{"name"}},
	{Type: "service", LabelNames: []string{"name"}}, {Type: "contract", LabelNames: []string{"name"}},
	{Type: "test", LabelNames: []string{"name"}},
}}

func (l *loader) module(m *module) hcl.Diagnostics {
	diags := l.read(m)
	variables, more := m.variables()
	diags = append(diags, more...)
	m.scope = scope(filepath.Dir(m.files[0]))
	m.scope.Variables = map[string]cty.Value{"var": cty.ObjectVal(variables)}
	if diags.HasErrors() {
		return diags
	}
	if diags = append(diags, m.locals()...); diags.HasErrors() {
		return diags // all that follows would fail for the same reason
	}
	for _, b := range m.blocks["estate"] {
		diags = append(diags, l.readSettings(m, b)...)
	}
	for _, kind := range []string{"service", "contract", "test"} {
		for _, b := range m.blocks[kind] {
			diags = append(diags, l.declare(m, b)...)
		}
	}
	seen := names{}
	for _, b := range m.blocks["module"] {
		if diags = append(diags, seen.add(b)...); !diags.HasErrors() {
			diags = append(diags, l.call(m, b)...)
		}
	}
	return diags
}

func (l *loader) read(m *module) (diags hcl.Diagnostics) {
	m.blocks = map[string]hcl.Blocks{}
	for _, path := range m.files {
		f, more := l.sources.file(path)
		diags = append(diags, more...)
		if f == nil || f.Body == nil {
			continue
		}
		content, more := f.Body.Content(topLevel)
		diags = append(diags, more...)
		for _, b := range content.Blocks {
			m.blocks[b.Type] = append(m.blocks[b.Type], b)
		}
	}
	return diags
}

// call loads another directory with values for its variables.
func (l *loader) call(m *module, b *hcl.Block) hcl.Diagnostics {
	l.modules++
	if m.depth >= maxNesting || l.modules > maxModules {
		return failed("too many modules", "Modules may be nested 8 deep, and a directory may not call itself.", &b.DefRange)
	}
	attributes, diags := b.Body.JustAttributes()
	if diags.HasErrors() {
		return diags
	}
	source := attributes["source"]
	if source == nil {
		return failed("module without source", `A module needs source = "./directory".`, &b.DefRange)
	}
	values := map[string]input{}
	for name, a := range attributes {
		value, more := a.Expr.Value(m.scope)
		diags = append(diags, more...)
		values[name] = input{value: value, at: &a.NameRange}
	}
	path := values["source"].value
	if diags.HasErrors() {
		return diags
	}
	if path.Type() != cty.String || path.IsNull() || filepath.IsAbs(path.AsString()) {
		return failed("source is not a directory", `source must be a path relative to this file, such as "./reader".`, &source.Range)
	}
	delete(values, "source")
	files, err := Find(filepath.Join(filepath.Dir(b.DefRange.Filename), path.AsString()))
	if err != nil {
		return failed("source is not a directory of contracts", err.Error(), &source.Range)
	}
	return l.module(&module{files: files, values: values, caller: b, depth: m.depth + 1})
}

func (l *loader) readSettings(m *module, b *hcl.Block) hcl.Diagnostics {
	if m.caller != nil {
		return failed("estate inside a module", "The block estate belongs to the directory that ramp is called with.", &b.DefRange)
	}
	if l.settings != nil {
		return failed("a second block estate", "The first is at "+l.settings.String()+".", &b.DefRange)
	}
	l.settings = &b.DefRange
	d, diags := decode(b, m.scope, &l.estate.Settings)
	if s := l.estate.Settings; !diags.HasErrors() && (s.MaxTTL < 0 || s.DefaultTTL < 0) {
		diags = d.refused("default_ttl and max_ttl may not be negative")
	}
	return diags
}
