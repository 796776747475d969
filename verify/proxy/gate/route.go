package gate

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/condition"
)

// Route is what a class of requests needs. A request that matches no route is
// refused.
type Route struct {
	// Pattern of [http.ServeMux]: "GET /invoices/{id}". The most specific
	// pattern that matches decides. "GET" covers HEAD; no method covers all.
	// Hosts are in lower case and without port.
	Pattern string
	// Scopes that the token must have, all of them.
	Scopes []string
	// Condition is a CEL expression on the request, see
	// [condition.CompileRoute]. "" is none.
	Condition string
	// Public lets requests through that have no token. What token they have
	// is not looked at.
	Public bool
}

// route is a compiled Route.
type route struct {
	Route
	condition *condition.Route // nil for none
}

var (
	wildcard = regexp.MustCompile(`\{([^{}.$]+)(?:\.\.\.)?\}`)
	ours     = regexp.MustCompile(` \(registered at [^)]*\)`) // lines of this file, which say nothing to users
)

func compileRoute(r Route) (*route, error) {
	if err := checkPattern(r.Pattern); err != nil {
		return nil, fmt.Errorf("route %q: %w", r.Pattern, err)
	}
	switch {
	case r.Public && len(r.Scopes) > 0:
		return nil, fmt.Errorf("route %q: a public route has no scopes", r.Pattern)
	case !r.Public && len(r.Scopes) == 0 && r.Condition == "":
		return nil, fmt.Errorf("route %q: say what it needs: scopes, a condition, or public", r.Pattern)
	}
	for _, s := range r.Scopes {
		if s == "" || strings.ContainsAny(s, " \t") {
			return nil, fmt.Errorf("route %q: %q is not a scope", r.Pattern, s)
		}
	}
	made := &route{Route: r}
	if r.Condition == "" {
		return made, nil
	}
	var names []string
	for _, w := range wildcard.FindAllStringSubmatch(r.Pattern, -1) {
		names = append(names, w[1])
	}
	var err error
	if made.condition, err = condition.CompileRoute(r.Condition, names, r.Public); err != nil {
		return nil, fmt.Errorf("route %q: condition: %w", r.Pattern, err)
	}
	return made, nil
}

// routes are matched by http.ServeMux itself: one set of rules, known to all.
type routes struct{ mux *http.ServeMux }

func compileRoutes(all []Route) (*routes, error) {
	if len(all) == 0 {
		return nil, errors.New("there are no routes: every request would be refused")
	}
	m := &routes{http.NewServeMux()}
	for _, r := range all {
		made, err := compileRoute(r)
		if err != nil {
			return nil, err
		}
		if err := m.add(made); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *routes) add(r *route) (err error) {
	defer func() {
		if p := recover(); p != nil { // how ServeMux reports a bad pattern
			err = fmt.Errorf("route %q: %s", r.Pattern, ours.ReplaceAllString(fmt.Sprint(p), ""))
		}
	}()
	m.mux.Handle(r.Pattern, r)
	return nil
}

// match sets the path values of r. Without a route it says which status tells
// the caller so.
func (m *routes) match(r *http.Request, host string) (*route, *Refusal) {
	var found match
	asked := r.Host
	r.Host = host
	m.mux.ServeHTTP(&found, r)
	r.Host = asked
	switch {
	case found.route != nil:
		return found.route, nil
	case found.status == http.StatusMethodNotAllowed:
		return nil, &Refusal{Status: found.status, Reason: ReasonMethod, Message: "no route takes this method here", Allow: found.header.Get("Allow")}
	}
	return nil, &Refusal{Status: http.StatusNotFound, Reason: ReasonNoRoute, Message: "no route matches the request"}
}

// match is the response writer by which a mux tells what it found. A redirect
// that it would send is no match.
type match struct {
	route  *route
	status int
	header http.Header
}

func (r *route) ServeHTTP(w http.ResponseWriter, _ *http.Request) { w.(*match).route = r }

func (m *match) Header() http.Header {
	if m.header == nil {
		m.header = make(http.Header)
	}
	return m.header
}
func (m *match) Write(b []byte) (int, error) { return len(b), nil }
func (m *match) WriteHeader(status int)      { m.status = status }
