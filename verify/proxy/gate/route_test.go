package gate

import (
	"strings"
	"testing"
)

func TestRoutesThatAreWrong(t *testing.T) {
	for says, r := range map[string]Route{
		"[METHOD ][host]/path":         {Pattern: "invoices", Public: true},
		"lower case":                   {Pattern: "GET Payments.internal/", Public: true},
		"without port":                 {Pattern: "payments.internal:80/", Public: true},
		"say what it needs":            {Pattern: "/"},
		"a public route has no scopes": {Pattern: "/", Public: true, Scopes: []string{"x"}},
		"is not a scope":               {Pattern: "/", Scopes: []string{"x y"}},
		"line 1, column 5":             {Pattern: "/{id}", Condition: `path.ids == "x"`},
		"undeclared reference":         {Pattern: "/", Public: true, Condition: `identity.caller == ""`},
		"bad wildcard":                 {Pattern: "/{id", Public: true},
	} {
		if _, err := compileRoutes([]Route{r}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v, want %q", r, err, says)
		}
	}
	if _, err := compileRoutes([]Route{{Pattern: "/{a}", Public: true}, {Pattern: "/{b}", Public: true}}); err == nil ||
		!strings.Contains(err.Error(), "conflicts") || strings.Contains(err.Error(), ".go") {
		t.Errorf("two routes for the same requests: %v", err)
	}
	if _, err := compileRoutes(nil); err == nil {
		t.Error("no routes are accepted")
	}
}

// Who is used to other routers writes what ServeMux takes for the path itself.
// Such a route would match nothing, and a wider one decide instead.
func TestPatternsOfOtherRouters(t *testing.T) {
	for pattern, want := range map[string]string{
		"GET /api/*":                 "%2A",
		"GET /api/**":                "%2A",
		"GET /api/:id":               "%3A",
		"GET /invoices/[0-9]+":       "%5B",
		"GET /invoices/.+":           "%2B",
		`GET /invoices/\d+`:          "%5C",
		"GET /(a|b)":                 "%7C",
		"GET /invoices?page=1":       "%3F",
		"GET /a;b":                   "%3B",
		"^/api/(.*)$":                "host",
		"GET *.example.com/":         "host",
		"GET example.com./":          "host",
		"GET /invoices/{id}/*":       "%2A",
		"GET /{a:[0-9]+}":            "bad wildcard",
		"GET /api/%2A":               "",
		"GET /%3Aid/$metadata":       "",
		"GET /v1/invoices:cancel":    "",
		"GET /Products(1)/c++":       "",
		"GET /ü/{$}":                 "",
		"payments.internal/x/{r...}": "",
	} {
		_, err := compileRoutes([]Route{{Pattern: pattern, Public: true}})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", pattern, err, want)
		}
	}
}
