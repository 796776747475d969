package condition_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/condition"
)

func TestConditionsOfRoutes(t *testing.T) {
	a := &condition.Access{
		Method: "GET", Path: "/invoices/é", Host: "payments.internal", Query: "tenant=a&tag=x&tag=y",
		Header: map[string][]string{"X-Tenant": {"a"}, "Accept": {"text/html", "*/*"}, "Authorization": {"Bearer x"}, "Dpop": {"x"}}, RemoteAddr: netip.MustParseAddr("10.1.2.3"),
		Time: time.Date(2027, 3, 2, 1, 30, 0, 0, time.UTC), PathValue: func(name string) string { return map[string]string{"id": "é", "rest": "x/y"}[name] },
		Identity: condition.Identity{Subject: "s", Caller: "e-orders", Contract: "orders", ContractID: "c1", Revision: "r1", Scopes: []string{"invoices:read"}, Stage: "canary", Generation: "v7"},
	}
	for expression, want := range map[string]string{
		`path.id == "é" && request.path.endsWith(path.id)`: "true",
		`path.rest == "x"`: "false",
		`request.headers["x-tenant"] == "a" && request.headers.accept.contains(", */*")`:   "true",
		`"authorization" in request.headers || "dpop" in request.headers`:                  "false",
		`request.headers["x-other"] == "a"`:                                                "no such key",
		`request.query.tenant == ["a"] && "y" in request.query["tag"]`:                     "true",
		`has(request.query.debug)`:                                                         "false",
		`request.method == "GET" && request.host.endsWith(".internal")`:                    "true",
		`cidr("10.0.0.0/8").containsIP(request.remote_address)`:                            "true",
		`request.time.getHours("Europe/Berlin") == 2`:                                      "true",
		`identity.caller + identity.contract + identity.contract_id == "e-ordersordersc1"`: "true",
		`identity.subject + identity.revision + identity.stage == "sr1canary" && "invoices:read" in identity.scopes && identity.generation != "v7"`: "false",
	} {
		c, err := condition.CompileRoute(expression, []string{"id", "rest"}, false)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		holds, err := c.Holds(a)
		got := map[bool]string{true: "true", false: "false"}[holds]
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", expression, got, want)
		}
	}
}

func TestConditionsOfRoutesThatCannotBeAsked(t *testing.T) {
	for expression, says := range map[string]string{
		`path.other == "x"`:           "undeclared reference",
		`identity.subject == "x"`:     "undeclared reference",
		`request.body == "x"`:         "undefined field 'body'",
		`request.query.tenant == "a"`: "no matching overload",
		`"GET"`:                       "it must be true or false",
	} {
		if _, err := condition.CompileRoute(expression, []string{"id"}, true); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", expression, err, says)
		}
	}
	for expression, a := range map[string]*condition.Access{
		`request.remote_address != "10.0.0.1"`: {},
		`!has(request.query.admin)`:            {Query: "a;admin=1"},
		`!("x-admin" in request.headers)`:      {Header: map[string][]string{"X-Tenant": {"a"}, "x_tenant": {"b"}}},
	} {
		c, err := condition.CompileRoute(expression, nil, true)
		if err != nil {
			t.Fatal(err)
		}
		if holds, err := c.Holds(a); err == nil || holds {
			t.Errorf("%s: %t %v", expression, holds, err)
		}
	}
}
