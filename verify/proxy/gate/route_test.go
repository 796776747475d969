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
	if _, err := compileRoutes([]Route{{Pattern: "/{a}", Public: true}, {Pattern: "/{b}", Public: true}}); err == nil || !strings.Contains(err.Error(), "conflicts") {
		t.Errorf("two routes for the same requests: %v", err)
	}
	if _, err := compileRoutes(nil); err == nil {
		t.Error("no routes are accepted")
	}
}
