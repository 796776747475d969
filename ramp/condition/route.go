package condition

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"
)

// Access is one request to a service, as conditions of the service's routes
// see it.
type Access struct {
	Method     string
	Path       string // decoded
	Host       string // in lower case, without port
	Header     map[string][]string
	Query      string                   // raw
	RemoteAddr netip.Addr               // not valid when not known: conditions that read it are errors then
	Time       time.Time                //
	PathValue  func(name string) string // of a wildcard of the route's pattern
	Identity   Identity
}

// Identity is the variable identity of conditions of routes.
type Identity struct {
	Subject    string   `cel:"subject"`
	Caller     string   `cel:"caller"` // entity ID
	Contract   string   `cel:"contract"`
	ContractID string   `cel:"contract_id"`
	Revision   string   `cel:"revision"`
	Scopes     []string `cel:"scopes"`
	Stage      string   `cel:"stage"`
	Generation string   `cel:"generation"`
}

// routeRequest is the variable request of conditions of routes.
type routeRequest struct {
	Method        string              `cel:"method"`
	Path          string              `cel:"path"`
	Host          string              `cel:"host"`
	Headers       map[string]string   `cel:"headers"` // by lower-case name; values joined with ", "
	Query         map[string][]string `cel:"query"`
	RemoteAddress string              `cel:"remote_address"`
	Time          time.Time           `cel:"time"`
}

// Route is a compiled condition of a route.
type Route struct {
	program                    cel.Program
	headers, query, remoteAddr bool // what it reads
}

// CompileRoute compiles a condition of a route. It sees the variables
//
//	request     method, path, host, headers (by lower-case name, but the token), query (lists), remote_address, time
//	path.NAME   what the wildcard NAME of the route's pattern matched
//	identity    subject, caller, contract, contract_id, revision, scopes, stage, generation
//
// of which a public route has no identity. An error names line and column.
func CompileRoute(expression string, wildcards []string, public bool) (*Route, error) {
	types := []any{ext.ParseStructTags(true), reflect.TypeFor[routeRequest]()}
	variables := []cel.EnvOption{cel.Variable("request", cel.ObjectType("condition.routeRequest"))}
	if !public {
		types = append(types, reflect.TypeFor[Identity]())
		variables = append(variables, cel.Variable("identity", cel.ObjectType("condition.Identity")))
	}
	for _, name := range wildcards {
		variables = append(variables, cel.Variable("path."+name, cel.StringType))
	}
	checked, program, err := compile(environment(append([]cel.EnvOption{ext.NativeTypes(types...)}, variables...)...), expression)
	if err != nil {
		return nil, err
	}
	reads := func(field string) bool { return reads(checked, "request", field) }
	return &Route{program, reads("headers"), reads("query"), reads("remote_address")}, nil
}

// Holds reports whether a request meets the condition. An error denies like
// false does.
func (c *Route) Holds(a *Access) (bool, error) {
	request := &routeRequest{Method: a.Method, Path: a.Path, Host: a.Host, RemoteAddress: address(a.RemoteAddr), Time: a.Time.UTC()}
	if c.remoteAddr && !a.RemoteAddr.IsValid() {
		return false, errors.New("the address of the caller is not known")
	}
	if c.headers {
		var err error
		if request.Headers, err = headers(a.Header); err != nil {
			return false, err
		}
	}
	if c.query {
		var err error
		if request.Query, err = url.ParseQuery(a.Query); err != nil {
			return false, errors.New("the query cannot be read in one way only")
		}
	}
	return answer(c.program, &routeActivation{a, request})
}

// headers refuses names that some servers take for the same, as CGI does.
func headers(all map[string][]string) (map[string]string, error) {
	read, forms := make(map[string]string, len(all)), make(map[string]bool, len(all))
	for name, values := range all {
		lower := strings.ToLower(name)
		if lower == "authorization" || lower == "dpop" { // what is not for errors and logs
			continue
		}
		form := strings.ReplaceAll(lower, "_", "-")
		if forms[form] {
			return nil, fmt.Errorf("the request has header %.64q in two forms", form)
		}
		forms[form], read[lower] = true, strings.Join(values, ", ")
	}
	return read, nil
}

type routeActivation struct {
	access  *Access
	request *routeRequest
}

func (*routeActivation) Parent() cel.Activation { return nil }

func (a *routeActivation) ResolveName(name string) (any, bool) {
	switch name {
	case "request":
		return a.request, true
	case "identity":
		return &a.access.Identity, true
	}
	if wildcard, ok := strings.CutPrefix(name, "path."); ok {
		return a.access.PathValue(wildcard), true
	}
	return nil, false
}
