// Package condition compiles CEL expressions into conditions of contracts.
//
// An expression sees these variables:
//
//	caller      id, name, metadata, groups (names and ids), aliases (each: mount_type, accessor, name, metadata, custom_metadata)
//	request     remote_address, time, scopes, context
//	contract    name, id, revision, scopes, metadata
//	service     name, audience, scopes, owner, metadata
//	stage       name of the stage, "" without stages
//	generation  the deploy the caller belongs to, "" when unknown
//
// and those that verifiers ask with each request only what a verifier knows:
//
//	caller      id
//	request     remote_address, time, scopes
//	contract    name, id, revision
//	service     audience
//	stage, generation
//
// Beside CEL's standard functions they may use the network functions of cel-go,
// such as cidr("10.0.0.0/8").containsIP(request.remote_address), and strings.
package condition

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	_ "time/tzdata" // so that time zones work where the system has none

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/ext"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

const (
	maxLength = 4096   // bytes of an expression
	maxCost   = 20_000 // units of CEL's cost model, for one evaluation
	maxCached = 4096   // compiled expressions kept
)

// Compiler compiles expressions, each of them once. It is safe for concurrent use.
type Compiler struct {
	env *cel.Env
	use *cel.Env // for conditions asked with each request

	mu    sync.Mutex
	cache map[[sha256.Size]byte]*Condition
}

// NewCompiler returns a compiler.
func NewCompiler() *Compiler {
	return &Compiler{
		env: environment(
			ext.NativeTypes(ext.ParseStructTags(true), callerType, requestType, contractType, serviceType, aliasType),
			cel.Variable("caller", cel.ObjectType("condition.Caller")),
			cel.Variable("request", cel.ObjectType("condition.Request")),
			cel.Variable("contract", cel.ObjectType("condition.Contract")),
			cel.Variable("service", cel.ObjectType("condition.Service")),
			cel.Variable("stage", cel.StringType),
			cel.Variable("generation", cel.StringType),
		),
		use:   useEnvironment(),
		cache: make(map[[sha256.Size]byte]*Condition),
	}
}

// environment has what all expressions have in common, and these.
func environment(variables ...cel.EnvOption) *cel.Env {
	env, err := cel.NewEnv(append(append((&zones{}).functions(),
		ext.Network(),
		ext.Strings(),
		cel.ParserExpressionSizeLimit(maxLength),
		cel.ParserRecursionLimit(64),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(), zoneLiterals{}),
		cel.EnableMacroCallTracking(), // so that Explain can show all() and exists()
	), variables...)...)
	if err != nil {
		panic(err) // environments are the same always
	}
	return env
}

// Condition is a compiled expression.
type Condition struct {
	env     *cel.Env
	use     *cel.Env
	ast     *cel.Ast
	program cel.Program
	groups  bool
}

// Compile returns the condition that an expression states. An error names line
// and column of what is wrong.
func (c *Compiler) Compile(expression string) (ramp.Condition, error) {
	key := sha256.Sum256([]byte(expression))
	c.mu.Lock()
	defer c.mu.Unlock()
	if have := c.cache[key]; have != nil {
		return have, nil
	}
	made, err := c.compile(expression)
	if err != nil {
		return nil, err
	}
	if len(c.cache) >= maxCached {
		clear(c.cache)
	}
	c.cache[key] = made
	return made, nil
}

func (c *Compiler) compile(expression string) (*Condition, error) {
	checked, program, err := compile(c.env, expression)
	if err != nil {
		return nil, err
	}
	return &Condition{env: c.env, use: c.use, ast: checked, program: program, groups: reads(checked, "caller", "groups")}, nil
}

func compile(env *cel.Env, expression string) (*cel.Ast, cel.Program, error) {
	switch {
	case strings.TrimSpace(expression) == "":
		return nil, nil, errors.New("expression is required")
	case len(expression) > maxLength:
		return nil, nil, fmt.Errorf("expression has %d bytes, the limit is %d", len(expression), maxLength)
	}
	checked, issues := env.Compile(expression)
	if issues.Err() != nil {
		return nil, nil, located(issues.Errors())
	}
	if checked.OutputType() != cel.BoolType {
		return nil, nil, fmt.Errorf("expression is a %s, it must be true or false", checked.OutputType())
	}
	program, err := env.Program(checked, cel.CostLimit(maxCost), cel.EvalOptions(cel.OptOptimize))
	return checked, program, err
}

// located says where the first error is, on one line.
func located(errs []*cel.Error) error {
	first := errs[0]
	more := ""
	if len(errs) > 1 {
		more = fmt.Sprintf(" (and %d more)", len(errs)-1)
	}
	text, _, _ := strings.Cut(first.Message, "\n")
	return fmt.Errorf("line %d, column %d: %s%s", first.Location.Line(), first.Location.Column()+1, text, more)
}

// reads reports whether an expression may read a field of a variable: any use
// of the variable but that of a field with another name.
func reads(checked *cel.Ast, variable, field string) bool {
	uses := 0
	ast.PostOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.IdentKind:
			if e.AsIdent() == variable {
				uses++
			}
		case ast.SelectKind:
			s := e.AsSelect()
			if o := s.Operand(); s.FieldName() != field && o.Kind() == ast.IdentKind && o.AsIdent() == variable {
				uses--
			}
		}
	}))
	return uses > 0
}

// ReadsGroups implements [ramp.GroupReader].
func (c *Condition) ReadsGroups() bool { return c.groups }

// OnUse implements [ramp.UseReader].
func (c *Condition) OnUse() error {
	_, _, err := compile(c.use, c.ast.Source().Content())
	return err
}

// Holds implements [ramp.Condition].
func (c *Condition) Holds(w *ramp.World) (bool, error) {
	return answer(c.program, &activation{world: w})
}

func answer(program cel.Program, facts cel.Activation) (bool, error) {
	value, _, err := program.Eval(facts)
	if err != nil {
		return false, plain(err)
	}
	holds, ok := value.Value().(bool)
	if !ok {
		return false, fmt.Errorf("the expression gave %s, not true or false", value.Type().TypeName())
	}
	return holds, nil
}

func plain(err error) error {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(text)
}
