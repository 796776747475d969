package condition_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/condition"
)

func TestConditionsOnUse(t *testing.T) {
	u := &ramp.Use{
		Caller: "e-orders", RemoteAddr: netip.MustParseAddr("::ffff:10.1.2.3"), Time: time.Date(2027, 3, 2, 1, 30, 15, 0, time.UTC),
		Scopes: []string{"invoices:read"}, Contract: "orders-to-payments", ContractID: "abc", Revision: "r1",
		Audience: "https://payments.internal", Stage: "canary", Generation: "v7",
	}
	compile := condition.NewUseCompiler().Compile
	for expression, want := range map[string]bool{
		`caller.id == "e-orders" && contract.name == "orders-to-payments"`: true,
		`cidr("10.0.0.0/8").containsIP(request.remote_address)`:            true,
		`request.time.getHours("Europe/Berlin") == 2`:                      true,
		`"invoices:write" in request.scopes`:                               false,
		`contract.id + contract.revision == "abcr1"`:                       true,
		`service.audience.endsWith(".internal") && stage == "canary"`:      true,
		`generation != "v7"`: false,
	} {
		c, err := compile(expression)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		if got, err := c.Holds(u); err != nil || got != want {
			t.Errorf("%s: %t %v, want %t", expression, got, err, want)
		}
	}
	u.RemoteAddr = netip.Addr{}
	for _, expression := range []string{`request.remote_address != "10.0.0.1"`, `[request].all(r, r.remote_address != "10.0.0.1")`} {
		c, err := compile(expression)
		if err != nil {
			t.Fatal(err)
		}
		if holds, err := c.Holds(u); err == nil || holds {
			t.Errorf("%s holds for a caller of unknown address: %t %v", expression, holds, err)
		}
	}
}

// What verifiers cannot know is refused when it is written, above all where
// not knowing would let somebody through.
func TestConditionsThatVerifiersCannotAsk(t *testing.T) {
	compiler := condition.NewCompiler()
	for expression, says := range map[string]string{
		`!("contractors" in caller.groups)`:    "undefined field 'groups'",
		`!has(caller.metadata.quarantined)`:    "undefined field 'metadata'",
		`request.context.reason != "debug"`:    "undefined field 'context'",
		`service.owner != ""`:                  "undefined field 'owner'",
		`size(contract.scopes) < 3`:            "undefined field 'scopes'",
		`[caller].all(c, !("x" in c.groups))`:  "undefined field 'groups'",
		`caller.name != "x" && stage != "ful"`: "undefined field 'name'",
	} {
		terms := ramp.ServiceTerms{Audience: "https://a.internal", Scopes: []string{"x"}, Conditions: []ramp.ConditionTerms{{Name: "c", Expression: expression, On: []string{"request"}}}}
		_, err := ramp.NewService("payments", terms, compiler.Compile)
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "asked with each request, by verifiers") {
			t.Errorf("%s: %v, want %q", expression, err, says)
		}
		terms.Conditions[0].On = []string{"issue"}
		if _, err := ramp.NewService("payments", terms, compiler.Compile); err != nil && strings.Contains(err.Error(), "verifiers") {
			t.Errorf("%s at issue: %v", expression, err)
		}
	}
}
