package condition

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/parser"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

const maxValue = 200 // bytes of a value shown

// Explain implements [ramp.Explainer]: every part of the expression that has a
// value of its own, outermost first, also those a short cut would have skipped.
func (c *Condition) Explain(w *ramp.World) []ramp.Clause {
	program, err := c.env.Program(c.ast, cel.CostLimit(maxCost), cel.EvalOptions(cel.OptExhaustiveEval))
	if err != nil {
		return nil
	}
	_, details, _ := program.Eval(&activation{world: w})
	if details == nil || details.State() == nil {
		return nil
	}
	var clauses []ramp.Clause
	native := c.ast.NativeRep()
	var visit func(e ast.Expr)
	visit = func(e ast.Expr) {
		var parts []ast.Expr
		switch e.Kind() {
		case ast.CallKind:
			if target := e.AsCall().Target(); e.AsCall().IsMemberFunction() {
				parts = append(parts, target)
			}
			parts = append(parts, e.AsCall().Args()...)
		case ast.SelectKind, ast.ComprehensionKind:
		default:
			return // a literal or a variable says nothing by itself
		}
		text, err := parser.Unparse(e, native.SourceInfo())
		if value, ok := details.State().Value(e.ID()); ok && err == nil {
			clauses = append(clauses, ramp.Clause{Expression: text, Value: show(value)})
		}
		for _, p := range parts {
			visit(p)
		}
	}
	visit(native.Expr())
	return clauses
}

func show(v ref.Val) string {
	if types.IsError(v) {
		return "error: " + fmt.Sprint(v.Value())
	}
	text := fmt.Sprint(v.Value())
	switch x := v.(type) {
	case types.String:
		text = fmt.Sprintf("%q", string(x))
	case types.Timestamp:
		text = x.Time.UTC().Format("2006-01-02T15:04:05Z")
	}
	if len(text) > maxValue {
		text = strings.ToValidUTF8(text[:maxValue], "") + "…"
	}
	return text
}
