package condition_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/condition"
)

// Each clause as "expression = value", outermost first.
func TestExplain(t *testing.T) {
	w, compile := world(t), condition.NewCompiler().Compile
	for expression, want := range map[string][]string{
		`caller.metadata.team == "blue" && stage == "canary"`: {
			`caller.metadata.team == "blue" && stage == "canary" = false`,
			`caller.metadata.team == "blue" = false`,
			`caller.metadata.team = "red"`,
			`stage == "canary" = true`, // not skipped
		},
		`caller.metadata.env == "prod"`: {
			`caller.metadata.env == "prod" = error: no such key: env`,
			`caller.metadata.env = error: no such key: env`,
		},
		`request.time.getHours("Europe/Berlin") >= 8`: {
			`request.time.getHours("Europe/Berlin") >= 8 = false`,
			`request.time.getHours("Europe/Berlin") = 2`,
			`request.time = 2027-03-02T01:30:15Z`,
		},
		`cidr("192.0.2.0/24").containsIP(request.remote_address)`: {
			`cidr("192.0.2.0/24").containsIP(request.remote_address) = false`,
			`cidr("192.0.2.0/24") = 192.0.2.0/24`,
			`request.remote_address = "10.1.2.3"`,
		},
		`caller.aliases.all(a, a.mount_type == "jwt")`: {`caller.aliases.all(a, a.mount_type == "jwt") = false`},
		`!caller.groups.exists(g, g == "ops")`: {
			`!caller.groups.exists(g, g == "ops") = false`,
			`caller.groups.exists(g, g == "ops") = true`,
		},
		`has(caller.metadata.env) || "b" in request.scopes`: {
			`has(caller.metadata.env) || "b" in request.scopes = false`,
			`has(caller.metadata.env) = false`,
			`"b" in request.scopes = false`,
			`request.scopes = [invoices:read]`,
		},
	} {
		c, err := compile(expression)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		var got []string
		for _, clause := range c.(ramp.Explainer).Explain(w) {
			got = append(got, clause.Expression+" = "+clause.Value)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s:\ngot  %s\nwant %s", expression, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
		}
	}
}

func TestLongValuesAreCut(t *testing.T) {
	w := world(t)
	w.Caller.Name = strings.Repeat("ü", 1000)
	c, err := condition.NewCompiler().Compile(`caller.name == "orders"`)
	if err != nil {
		t.Fatal(err)
	}
	clauses := c.(ramp.Explainer).Explain(w)
	if v := clauses[1].Value; len(v) > 210 || !strings.HasSuffix(v, "ü…") {
		t.Errorf("%d bytes: %s", len(v), v)
	}
}

// Nothing that somebody writes makes the engine panic, and what compiles has
// an answer or an error, within the cost that one evaluation may have.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		`caller.name == "orders"`, `caller.aliases.all(a, a.name.matches("^o"))`, `request.time.getHours("UTC") in [1, 2]`,
		`cidr("::/0").containsIP(request.remote_address)`, `caller.metadata["x"] != "" ? 1 / 0 == 1 : has(caller.metadata.y)`,
		`"%s".format([caller]) == ""`, `[[1, 2], [3]].exists(x, x.map(y, y * 2) == [6])`, "a\n&& b", `dyn(caller).groups == {}`,
		`caller.name.split("").join("-").replace("-", caller.name) == caller.name + caller.name`,
	} {
		f.Add(seed)
	}
	w, compiler := world(f), condition.NewCompiler()
	f.Fuzz(func(t *testing.T, expression string) {
		c, err := compiler.Compile(expression)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("an error of several lines: %q", err)
			}
			return
		}
		holds, err := c.Holds(w)
		if err != nil && holds {
			t.Errorf("%q holds and is an error: %v", expression, err)
		}
		again, err2 := c.Holds(w)
		if again != holds || (err == nil) != (err2 == nil) {
			t.Errorf("%q has two answers: %t %v, %t %v", expression, holds, err, again, err2)
		}
		for _, clause := range c.(ramp.Explainer).Explain(w) {
			if len(clause.Value) > 300 {
				t.Errorf("a clause of %d bytes", len(clause.Value))
			}
		}
	})
}
