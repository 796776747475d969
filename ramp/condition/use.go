package condition

import (
	"errors"
	"reflect"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// What a verifier knows when a credential is used. The types have no more
// fields than that, so that an expression which asks for more is refused when
// it is written, not answered from nothing.
type (
	useCaller struct {
		ID string `cel:"id"`
	}
	useRequest struct {
		RemoteAddress string    `cel:"remote_address"`
		Time          time.Time `cel:"time"`
		Scopes        []string  `cel:"scopes"`
	}
	useContract struct {
		Name     string `cel:"name"`
		ID       string `cel:"id"`
		Revision string `cel:"revision"`
	}
	useService struct {
		Audience string `cel:"audience"`
	}
)

func useEnvironment() *cel.Env {
	return environment(
		ext.NativeTypes(ext.ParseStructTags(true), reflect.TypeFor[useCaller](), reflect.TypeFor[useRequest](), reflect.TypeFor[useContract](), reflect.TypeFor[useService]()),
		cel.Variable("caller", cel.ObjectType("condition.useCaller")),
		cel.Variable("request", cel.ObjectType("condition.useRequest")),
		cel.Variable("contract", cel.ObjectType("condition.useContract")),
		cel.Variable("service", cel.ObjectType("condition.useService")),
		cel.Variable("stage", cel.StringType),
		cel.Variable("generation", cel.StringType),
	)
}

// UseCompiler compiles conditions that verifiers ask with each request. It is
// safe for concurrent use.
type UseCompiler struct{ env *cel.Env }

// NewUseCompiler returns a compiler.
func NewUseCompiler() *UseCompiler { return &UseCompiler{useEnvironment()} }

// Compile implements [ramp.UseCompiler].
func (c *UseCompiler) Compile(expression string) (ramp.UseCondition, error) {
	checked, program, err := compile(c.env, expression)
	if err != nil {
		return nil, err
	}
	return &useCondition{program, reads(checked, "request", "remote_address")}, nil
}

type useCondition struct {
	program   cel.Program
	addressed bool
}

func (c *useCondition) Holds(u *ramp.Use) (bool, error) {
	if c.addressed && !u.RemoteAddr.IsValid() {
		return false, errors.New("the address of the caller is not known")
	}
	return answer(c.program, &useActivation{u})
}

type useActivation struct{ use *ramp.Use }

func (*useActivation) Parent() cel.Activation { return nil }

func (a *useActivation) ResolveName(name string) (any, bool) {
	u := a.use
	switch name {
	case "caller":
		return &useCaller{u.Caller}, true
	case "request":
		return &useRequest{address(u.RemoteAddr), u.Time.UTC(), u.Scopes}, true
	case "contract":
		return &useContract{u.Contract, u.ContractID, u.Revision}, true
	case "service":
		return &useService{u.Audience}, true
	case "stage":
		return u.Stage, true
	case "generation":
		return u.Generation, true
	}
	return nil, false
}
