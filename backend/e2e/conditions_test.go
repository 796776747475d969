package e2e_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// condition is the conditions field of a contract with one of them.
func condition(expression string, on ...string) fields {
	return fields{"conditions": []any{fields{"name": "it", "expression": expression, "on": on}}}
}

const digits = "[0,1,2,3,4,5,6,7,8,9]"

var bomb = digits + `.all(a, ` + digits + `.all(b, ` + digits + `.all(c, ` + digits + `.all(d, ` + digits + `.all(e, a+b+c+d+e < 100)))))`

// What cannot be a condition is refused when it is written, with the place to look at.
func TestConditionsThatCannotBe(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", condition("true"))
	before := r.read(t, "roles/orders-to-payments")
	for name, m := range map[string]struct{ expression, says string }{
		"syntax":             {`caller.name ==`, `conditions: "it": line 1, column 15`},
		"second line":        {"caller.name == 'a' &&\n  && true", "line 2, column "},
		"type":               {`caller.name == 1`, "line 1, column 13"},
		"not a question":     {`caller.name`, "it must be true or false"},
		"unknown variable":   {`user.name == "orders"`, "undeclared reference to 'user'"},
		"unknown field":      {`caller.nam == "orders"`, "nam"},
		"unknown function":   {`sleep(1)`, "undeclared reference to 'sleep'"},
		"unknown alias part": {`caller.aliases.exists(a, a.mount == "approle")`, "mount"},
		"nothing":            {` `, "expression is required"},
		"unknown zone":       {`request.time.getHours("Middle/Earth") >= 0`, "line 1, column 23: unknown time zone Middle/Earth"},
		"too long":           {strings.Repeat("true && ", 600) + "true", "the limit is 4096"},
		"too deep":           {strings.Repeat("(", 500) + "true" + strings.Repeat(")", 500), "conditions: "},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"roles/orders-to-payments", "services/payments"} {
				wantRefused(t, write(r.Client, path, condition(m.expression)), 400, m.says)
			}
			stage := fields{"stages": []any{fields{"name": "only", "scopes": []any{"invoices:read"}, "conditions": condition(m.expression)["conditions"]}}}
			wantRefused(t, write(r.Client, "roles/orders-to-payments", stage), 400, `stages: "only": `, m.says)
		})
	}
	wantRefused(t, write(r.Client, "roles/orders-to-payments", condition("true", "sometimes")), 400, "use issue, renew or request")
	twice := fields{"conditions": []any{fields{"name": "a", "expression": "true"}, fields{"name": "a", "expression": "true"}}}
	wantRefused(t, write(r.Client, "roles/orders-to-payments", twice), 400, "needs a name of its own")
	if after := r.read(t, "roles/orders-to-payments"); !reflect.DeepEqual(before, after) {
		t.Errorf("it was stored: %v", after)
	}
}

// A condition looks at everything Vault knows. What is false, costs too much or cannot be answered denies.
func TestConditionsDecide(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", fields{"owner": "team-payments"})
	r.Write("identity/entity/id/"+r.orders.EntityID, fields{"metadata": map[string]string{"team": "shop"}})
	r.Write("identity/group", fields{"name": "shop", "member_entity_ids": r.orders.EntityID})
	ask := fields{"context": fields{"build": "green", "long": strings.Repeat("a", 1900)}, "generation": "one"}
	for expression, code := range map[string]string{
		`caller.name == "orders" && caller.metadata.team == "shop"`: "",
		`caller.id in ["` + r.orders.EntityID + `"]`:                "",
		`"shop" in caller.groups`:                                   "",
		`"admins" in caller.groups`:                                 "condition_false",
		`caller.aliases.all(a, a.mount_type == "approle" && a.accessor == "` + r.orders.Mount + `")`:  "",
		`caller.aliases.exists(a, a.mount_type == "userpass")`:                                        "condition_false",
		`cidr("127.0.0.0/8").containsIP(request.remote_address)`:                                      "",
		`cidr("10.0.0.0/8").containsIP(request.remote_address)`:                                       "condition_false",
		`request.time > timestamp("2020-01-01T00:00:00Z")`:                                            "",
		`request.time > timestamp("2999-01-01T00:00:00Z")`:                                            "condition_false",
		`request.time.getHours("Europe/Berlin") >= 0 && request.time.getDayOfWeek("Asia/Tokyo") <= 6`: "",
		`request.time.getHours("Middle/" + request.context.build) >= 0`:                               "condition_error",
		`request.context.build == "green"`:                                                            "",
		`"build" in request.context && request.context["build"] == "red"`:                             "condition_false",
		`request.context.nosuch == "green"`:                                                           "condition_error",
		`caller.metadata.nosuch == "shop"`:                                                            "condition_error",
		`request.scopes == ["invoices:read"] && contract.name == "asked"`:                             "",
		`service.owner == "team-payments" && service.audience.startsWith("https://")`:                 "",
		`stage == "" && generation == "one"`:                                                          "",
		`1 / (size(caller.name) - 6) > 0`:                                                             "condition_error",
		`cidr(request.context.build).containsIP(request.remote_address)`:                              "condition_error",
		bomb: "condition_error",
		`request.context.long.matches("^(a+)+$") && request.context.long.matches("(a|aa)+b") == false`: "",
		`request.context.long.matches(request.context.build + "(")`:                                    "condition_error",
	} {
		r.contract(t, "asked", condition(expression))
		got, err := r.tryMint(r.orders.Client, "asked", ask)
		if code != "" {
			wantDenied(t, err, code)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		r.wantAlive(t, got)
	}
	if state := r.read(t, "health"); state["panics"] != json.Number("0") {
		t.Errorf("panics: %v", state["panics"])
	}
}

// A renewal asks again, with what the caller declared when it asked; false kills.
func TestConditionFalseAtRenewal(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	entity := "identity/entity/id/" + r.orders.EntityID
	r.Write(entity, fields{"metadata": map[string]string{"tier": "1"}})
	for name, c := range map[string]struct{ expression, code string }{
		"false": {`request.context.build == "green" && caller.metadata.tier == "1"`, "condition_false"},
		"error": {`request.context.build == "green" && caller.metadata.tier == "1"`, "condition_error"},
	} {
		t.Run(name, func(t *testing.T) {
			r.Write(entity, fields{"metadata": map[string]string{"tier": "1"}})
			r.contract(t, "renewed", condition(c.expression))
			held := r.mint(t, r.orders.Client, "renewed", fields{"context": fields{"build": "green"}})
			if _, err := r.Client.Sys().Renew(held.Lease, 0); err != nil {
				t.Fatal(err)
			}
			now := map[string]string{"tier": "2"}
			if name == "error" {
				now = map[string]string{"other": "1"}
			}
			r.Write(entity, fields{"metadata": now})
			_, err := r.Client.Sys().Renew(held.Lease, 0)
			wantRefused(t, err, 400, "denied: ", "("+c.code+")", "permission denied")
			r.wantDead(t, held)
		})
	}

	// Those for one phase are not asked in the other.
	r.contract(t, "renewed", condition("false", "renew"))
	held := r.mint(t, r.orders.Client, "renewed", nil)
	_, err := r.Client.Sys().Renew(held.Lease, 0)
	wantRefused(t, err, 400, "(condition_false)")
	r.wantDead(t, held)
	r.Write(entity, fields{"metadata": map[string]string{"other": "1"}})
	r.contract(t, "renewed", condition("caller.metadata.other == '1'", "issue"))
	held = r.mint(t, r.orders.Client, "renewed", nil)
	r.Write(entity, fields{"metadata": map[string]string{"other": "2"}})
	if _, err := r.Client.Sys().Renew(held.Lease, 0); err != nil {
		t.Error(err)
	}
	_, err = r.tryMint(r.orders.Client, "renewed", nil)
	wantDenied(t, err, "condition_false")
}

// Conditions for each request travel as a digest; the document it names hashes to it.
func TestConditionsForVerifiers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", condition(`request.time.getHours("UTC") < 25`, "request"))
	const expression = `cidr("10.0.0.0/8").containsIP(request.remote_address)` // false here, and not asked here
	for name, profile := range map[string]string{"access": "access_token", "svid": "jwt_svid"} {
		terms := condition(expression, "request")
		terms["credential"] = fields{"profile": profile}
		id := r.contract(t, name, terms)
		c := r.mint(t, r.orders.Client, name, nil)
		if c.Ramp == nil || c.Ramp.ID != id || c.Ramp.Conditions == "" {
			t.Fatalf("%s carries %+v", name, c.Ramp)
		}
		document, contentType := r.public(t, "ramp/conditions/"+id+"/"+c.Ramp.Conditions)
		sum := sha256.Sum256(document)
		if got := base64.RawURLEncoding.EncodeToString(sum[:]); got != c.Ramp.Conditions || contentType != "application/json" {
			t.Errorf("the document (%s) hashes to %s, the token has %s", contentType, got, c.Ramp.Conditions)
		}
		var list []map[string]string
		if err := json.Unmarshal(document, &list); err != nil || len(list) != 2 || list[1]["expression"] != expression || list[0]["name"] != "it" {
			t.Errorf("the document is %s: %v", document, err)
		}
		_, _, err := r.tryPublic("ramp/conditions/" + id + "/" + strings.Repeat("A", 43))
		wantRefused(t, err, 404, "has no conditions")
	}
	r.service(t, "payments", fields{"conditions": []any{}})
	r.contract(t, "access", fields{"conditions": []any{}})
	if c := r.mint(t, r.orders.Client, "access", nil); c.Ramp.Conditions != "" {
		t.Errorf("without conditions the token has %q", c.Ramp.Conditions)
	}
}
