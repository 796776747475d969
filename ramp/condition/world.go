package condition

import (
	"net/netip"
	"reflect"
	"time"

	"cel.dev/cel-go/cel"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// What expressions see. The names are part of the API.

// Caller is the variable caller.
type Caller struct {
	ID       string            `cel:"id"`
	Name     string            `cel:"name"`
	Metadata map[string]string `cel:"metadata"`
	Groups   []string          `cel:"groups"`
	Aliases  []Alias           `cel:"aliases"`
}

// Alias is an element of caller.aliases.
type Alias struct {
	MountType      string            `cel:"mount_type"`
	Accessor       string            `cel:"accessor"`
	Name           string            `cel:"name"`
	Metadata       map[string]string `cel:"metadata"`
	CustomMetadata map[string]string `cel:"custom_metadata"`
}

// Request is the variable request.
type Request struct {
	RemoteAddress string            `cel:"remote_address"`
	Time          time.Time         `cel:"time"`
	Scopes        []string          `cel:"scopes"`
	Context       map[string]string `cel:"context"`
}

// Contract is the variable contract.
type Contract struct {
	Name     string            `cel:"name"`
	ID       string            `cel:"id"`
	Revision string            `cel:"revision"`
	Scopes   []string          `cel:"scopes"`
	Metadata map[string]string `cel:"metadata"`
}

// Service is the variable service.
type Service struct {
	Name     string            `cel:"name"`
	Audience string            `cel:"audience"`
	Scopes   []string          `cel:"scopes"`
	Owner    string            `cel:"owner"`
	Metadata map[string]string `cel:"metadata"`
}

var (
	callerType   = reflect.TypeFor[Caller]()
	aliasType    = reflect.TypeFor[Alias]()
	requestType  = reflect.TypeFor[Request]()
	contractType = reflect.TypeFor[Contract]()
	serviceType  = reflect.TypeFor[Service]()
)

// activation gives an expression the variables it asks for, and makes only
// those, each once.
type activation struct {
	world   *ramp.World
	caller  *Caller
	request *Request
}

// Parent implements cel.Activation.
func (*activation) Parent() cel.Activation { return nil }

// ResolveName implements cel.Activation.
func (a *activation) ResolveName(name string) (any, bool) {
	w := a.world
	switch name {
	case "caller":
		if a.caller == nil {
			a.caller = caller(w.Caller)
		}
		return a.caller, true
	case "request":
		if a.request == nil {
			a.request = request(w)
		}
		return a.request, true
	case "contract":
		c := w.Contract
		return &Contract{Name: c.Name, ID: c.ID, Revision: c.Revision(), Scopes: c.Scopes, Metadata: c.Metadata}, true
	case "service":
		s := w.Service
		return &Service{Name: s.Name, Audience: s.Audience, Scopes: s.Scopes, Owner: s.Owner, Metadata: s.Metadata}, true
	case "stage":
		return w.Stage, true
	case "generation":
		return w.Generation, true
	}
	return nil, false
}

func request(w *ramp.World) *Request {
	return &Request{RemoteAddress: address(w.RemoteAddr), Time: w.Time.UTC(), Scopes: w.Scopes, Context: w.Context}
}

func address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.Unmap().WithZone("").String()
}

func caller(c *ramp.Caller) *Caller {
	if c == nil {
		return &Caller{}
	}
	v := &Caller{ID: c.ID, Name: c.Name, Metadata: c.Metadata}
	for _, g := range c.Groups {
		v.Groups = append(v.Groups, g.Name, g.ID)
	}
	for i := range c.Aliases {
		a := &c.Aliases[i]
		v.Aliases = append(v.Aliases, Alias{
			MountType: a.MountType, Accessor: a.Accessor, Name: a.Name,
			Metadata: a.Metadata, CustomMetadata: a.CustomMetadata,
		})
	}
	return v
}
