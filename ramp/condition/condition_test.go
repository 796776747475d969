package condition_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/condition"
)

func TestConditions(t *testing.T) {
	w, compile := world(t), condition.NewCompiler().Compile
	for expression, want := range map[string]bool{
		`true`:                     true,
		`caller.id == "e-orders"`:  true,
		`caller.name == "billing"`: false,
		`caller.metadata.team == "red" && caller.metadata["team"] != "blue"`: true,
		`has(caller.metadata.env)`:                                                                         false,
		`"ops" in caller.groups && "g-1" in caller.groups`:                                                 true,
		`caller.aliases.all(a, a.mount_type == "approle" && a.metadata.env == "prod")`:                     true,
		`caller.aliases.exists(a, a.accessor == "auth_approle_1" && a.custom_metadata.rack == "7")`:        true,
		`caller.aliases[0].name.startsWith("or")`:                                                          true,
		`cidr("10.0.0.0/8").containsIP(request.remote_address)`:                                            true,
		`cidr("192.0.2.0/24").containsIP(request.remote_address)`:                                          false,
		`request.remote_address == "10.1.2.3"`:                                                             true,
		`request.time.getHours() == 1 && request.time.getDayOfWeek() == 2`:                                 true,
		`request.time.getHours("Europe/Berlin") == 2 && request.time.getMinutes("UTC") == 30`:              true,
		`request.time.getDayOfWeek("America/New_York") == 1`:                                               true,
		`request.time.getDate("America/New_York") == 1 && request.time.getDayOfMonth("UTC") == 1`:          true,
		`request.time.getFullYear("UTC") == 2027 && request.time.getMonth("UTC") == 2`:                     true,
		`request.time.getDayOfYear("UTC") == 60 && request.time.getSeconds("UTC") == 15`:                   true,
		`request.time.getMilliseconds("Asia/Tokyo") == 0`:                                                  true,
		`request.time.getHours("+05:30") == 7`:                                                             true,
		`request.time < timestamp("2027-03-02T01:31:00Z")`:                                                 true,
		`request.time - timestamp("2027-03-02T01:30:00Z") < duration("16s")`:                               true,
		`request.scopes == ["invoices:read"] && request.scopes.all(s, s in contract.scopes)`:               true,
		`request.context.ticket.matches("^RAMP-[0-9]+$")`:                                                  true,
		`contract.name == "orders-to-payments" && contract.id != "" && size(contract.revision) == 64`:      true,
		`contract.metadata.tier == "gold"`:                                                                 true,
		`service.name == "payments" && service.audience == "https://payments.internal"`:                    true,
		`service.owner == "team-payments" && service.metadata.zone == "eu" && "refunds" in service.scopes`: false,
		`stage == "canary" && generation == "v7"`:                                                          true,
		`stage == "full" ? false : "caller".charAt(0) == "c"`:                                              true,
	} {
		c, err := compile(expression)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		if got, err := c.Holds(w); err != nil || got != want {
			t.Errorf("%s: %t %v, want %t", expression, got, err, want)
		}
	}
}

func TestBadExpressions(t *testing.T) {
	compile := condition.NewCompiler().Compile
	for name, tc := range map[string]struct{ expression, says string }{
		"nothing":            {" \n", "expression is required"},
		"syntax":             {`caller.name ==`, "line 1, column 15: Syntax error"},
		"second line":        {"true &&\n  nobody.name == \"x\"", "line 2, column 3: undeclared reference to 'nobody'"},
		"several":            {`a == b`, "line 1, column 1: undeclared reference to 'a' (and 1 more)"},
		"unknown field":      {`caller.nme == "x"`, "line 1, column 7: undefined field 'nme'"},
		"type":               {`caller.name == 1`, "line 1, column 13: found no matching overload for '_==_' applied to '(string, int)'"},
		"not a bool":         {`caller.name`, "expression is a string, it must be true or false"},
		"a bool at run time": {`dyn(true)`, "expression is a dyn"},
		"a map value":        {`request.context.allowed`, "expression is a string"},
		"unknown function":   {`caller.name.reboot()`, "column 19: undeclared reference to 'reboot'"},
		"bad regex":          {`caller.name.matches("(")`, "column 21: invalid matches argument"},
		"endless regex":      {`"a".matches("((a{1,100}){1,100}){1,100}")`, "column 13: invalid matches argument"},
		"bad block":          {`cidr("10.0.0.0/33").containsIP(request.remote_address)`, "column 6: invalid cidr argument"},
		"bad duration":       {`duration("1 day") > duration("1h")`, "column 10: invalid duration argument"},
		"unknown zone":       {`request.time.getHours("Mars/Olympus") == 1`, "line 1, column 23: unknown time zone Mars/Olympus"},
		"zone is no number":  {`caller.name == "x" || request.time.getDayOfWeek("+x:00") == 1`, "invalid syntax"},
		"too long":           {`caller.name == "` + strings.Repeat("a", 5000) + `"`, "the limit is 4096"},
		"too deep":           {strings.Repeat("(", 500) + "true" + strings.Repeat(")", 500), "recursion"},
	} {
		c, err := compile(tc.expression)
		if err == nil || !strings.Contains(err.Error(), tc.says) || c != nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q", name, err, tc.says)
		}
	}
}

// What compiles and has no answer is an error: it denies.
func TestNoAnswer(t *testing.T) {
	w, compile := world(t), condition.NewCompiler().Compile
	w.Caller.Name = strings.Repeat("a", 500_000) + "b"
	ten := "[0,1,2,3,4,5,6,7,8,9]"
	for name, tc := range map[string]struct{ expression, says string }{
		"missing key":       {`caller.metadata.env == "prod"`, "no such key: env"},
		"missing, negated":  {`caller.metadata.env != "prod"`, "no such key: env"},
		"missing element":   {`caller.aliases[3].name == "x"`, "index out of bounds"},
		"division":          {`1 / size(caller.metadata.team.replace("red", "")) == 1`, "division by zero"},
		"unknown zone":      {`request.time.getHours("Mars/" + caller.metadata.team) == 1`, "unknown time zone"},
		"zone is no number": {`request.time.getHours("x:" + caller.metadata.team) == 1`, "invalid syntax"},
		"block at run time": {`cidr(caller.metadata.team).containsIP(request.remote_address)`, "parse error"},
		"regex at run time": {`caller.id.matches(caller.metadata.team + "(")`, "missing closing )"},
		"long input":        {`caller.name.matches("^(a+)+$")`, "cost limit exceeded"},
		"cost bomb":         {ten + ".all(a, " + ten + ".all(b, " + ten + ".all(c, " + ten + ".all(d, " + ten + ".all(e, a+b+c+d+e >= 0)))))", "cost limit exceeded"},
	} {
		c, err := compile(tc.expression)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if holds, err := c.Holds(w); err == nil || holds || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %t %v, want %q", name, holds, err, tc.says)
		}
	}
}

func TestWhoReadsGroups(t *testing.T) {
	compile := condition.NewCompiler().Compile
	for expression, want := range map[string]bool{
		`caller.name == "orders" && caller.metadata.groups == "x"`: false,
		`request.context.groups == "x"`:                            false,
		`has(caller.metadata.groups)`:                              false,
		`"ops" in caller.groups`:                                   true,
		`caller.groups.exists(g, g == "ops")`:                      true,
		`[caller].exists(c, size(c.groups) == 0)`:                  true,
		`!("ops" in dyn(caller)["gro" + "ups"])`:                   true,
		`dyn(caller).groups == []`:                                 true,
		`caller.name == "x" || caller == caller`:                   true,
	} {
		c, err := compile(expression)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		if got := c.(ramp.GroupReader).ReadsGroups(); got != want {
			t.Errorf("%s: reads groups %t, want %t", expression, got, want)
		}
	}
}

func TestCompilersRemember(t *testing.T) {
	compile := condition.NewCompiler().Compile
	first, err := compile("stage == '0'")
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := compile("stage == '0'"); again != first {
		t.Error("the same expression was compiled twice")
	}
	if _, err := compile("stage =="); err == nil {
		t.Error("bad syntax compiles")
	}
	for i := range 5000 {
		if _, err := compile(fmt.Sprintf("stage == '%d'", i)); err != nil {
			t.Fatal(err)
		}
	}
	if again, _ := compile("stage == '0'"); again == first {
		t.Error("the cache has no bound")
	}
	if holds, err := first.Holds(world(t)); err != nil || holds {
		t.Errorf("a condition that is no longer cached: %t %v", holds, err)
	}
}

func TestConcurrentUse(t *testing.T) {
	compile, w := condition.NewCompiler().Compile, world(t)
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 50 {
				c, err := compile(fmt.Sprintf(`request.time.getHours("Europe/Berlin") == 2 && size(caller.groups) == 2 && %d < 60`, (worker+i)%60))
				if err != nil {
					t.Error(err)
					return
				}
				if holds, err := c.Holds(w); err != nil || !holds {
					t.Errorf("%t %v", holds, err)
				}
				if clauses := c.(ramp.Explainer).Explain(w); len(clauses) == 0 {
					t.Error("no clauses")
				}
			}
		})
	}
	wg.Wait()
}
