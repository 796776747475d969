package backend

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
)

func TestRolesStory(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		if names := r.list("roles/"); !slices.Equal(names, []string{role}) {
			t.Errorf("roles %v", names)
		}
		first := r.write("roles/"+role, map[string]any{"not_before": "2027-03-01T13:00:00+02:00", "metadata": map[string]any{"ticket": "RAMP-1"}}).Data
		r.reads("roles/"+role, map[string]any{
			"service": "payments", "credential_type": "jwt", "ttl": 300.0, "not_before": "2027-03-01T11:00:00Z", "state": "active", "floor": 0.0,
			"id": first["id"], "revision": first["revision"], "created": "2027-03-01T12:00:00Z",
		})
		if len(first["id"].(string)) != 16 || len(first["revision"].(string)) != 64 {
			t.Errorf("answer %v", first)
		}
		same := r.write("roles/"+role, map[string]any{"ttl": 300}).Data
		other := r.write("roles/"+role, map[string]any{"ttl": 200}).Data
		if same["revision"] != first["revision"] || other["revision"] == first["revision"] || other["id"] != first["id"] {
			t.Errorf("revisions: %v, written again %v, edited %v", first, same, other)
		}
		r.start()
		r.reads("roles/"+role, map[string]any{"revision": other["revision"], "ttl": 200.0})
		r.write("roles/"+role, map[string]any{"ttl": "", "not_before": "", "metadata": map[string]any{}})
		got := r.read("roles/" + role)
		for _, field := range []string{"ttl", "not_before", "metadata", "bound_cidrs", "expires_at", "subject"} {
			if got[field] != nil {
				t.Errorf("cleared field %s reads %v", field, got[field])
			}
		}
		r.delete("roles/" + role)
		r.delete("roles/" + role)
		if resp, err := r.do(logical.ReadOperation, "roles/"+role, "", nil); resp != nil || err != nil {
			t.Errorf("a deleted role reads as %v %v", resp, err)
		}
	})
}

func TestCompareAndSwap(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		revision := r.read("roles/" + role)["revision"]
		for _, tc := range []struct {
			path, expected, says string
		}{
			{"roles/" + role, "none", "exists already, with revision " + revision.(string)},
			{"roles/" + role, strings.Repeat("0", 64), "the contract has changed: its revision is " + revision.(string)},
			{"roles/new", revision.(string), "does not exist"},
		} {
			r.refused(logical.UpdateOperation, tc.path, "", map[string]any{"ttl": 60, "expected_revision": tc.expected}, 409, tc.says)
		}
		if now := r.read("roles/" + role)["revision"]; now != revision {
			t.Errorf("a refused write made revision %v", now)
		}
		next := r.write("roles/"+role, map[string]any{"ttl": 60, "expected_revision": revision}).Data["revision"]
		r.refused(logical.UpdateOperation, "roles/"+role, "", map[string]any{"ttl": 90, "expected_revision": revision}, 409, next.(string))
		r.write("roles/new", map[string]any{"service": "payments", "scopes": "invoices:read", "bound_entity_ids": "e-orders", "expected_revision": "none"})
	})
}

// Edits that take something away kill what was issued, those that add do not.
func TestRoleEdits(t *testing.T) {
	for name, tc := range map[string]struct {
		edit map[string]any
		dead bool
	}{
		"notes":           {map[string]any{"metadata": map[string]any{"owner": "somebody else"}}, false},
		"shorter lease":   {map[string]any{"ttl": 60}, false},
		"another caller":  {map[string]any{"bound_entity_ids": "e-orders,e-other"}, false},
		"one scope more":  {map[string]any{"scopes": "invoices:read,invoices:write"}, false},
		"one scope other": {map[string]any{"scopes": "invoices:write"}, true},
		"a binding":       {map[string]any{"bound_entity_names": "orders"}, true},
		"an address":      {map[string]any{"bound_cidrs": "10.0.0.0/8"}, true},
		"an end":          {map[string]any{"expires_at": "2027-03-01T13:00:00Z"}, true},
		"shorter":         {map[string]any{"max_ttl": 600}, true},
		"a subject":       {map[string]any{"subject": "orders"}, true},
		"a profile":       {map[string]any{"credential": map[string]any{"profile": "jwt_svid"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.contract()
			held := r.mint()
			resp := r.write("roles/"+role, tc.edit)
			r.dead(held, tc.dead)
			if warned := len(resp.Warnings) == 1 && strings.Contains(resp.Warnings[0], "serials below 1) are dead"); warned != tc.dead {
				t.Errorf("warned: %t %v", warned, resp.Warnings)
			}
			if !tc.dead {
				if _, err := r.renew(held); err != nil {
					t.Error(err)
				}
			}
			if again := r.write("roles/"+role, tc.edit); again.Warnings != nil {
				t.Errorf("the same edit again warns: %v", again.Warnings)
			}
		})
	}
}

// A deleted contract is survived by its revocations, and a new one of its name
// is another contract.
func TestRoleDeletedAndMadeAgain(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		held := r.mint()
		id := r.read("roles/" + role)["id"]
		r.delete("roles/" + role)
		r.dead(held, true)
		r.notRenewed(held, "credential_revoked")
		r.revoke(held)
		r.refused(logical.ReadOperation, "creds/"+role, "e-orders", nil, 404, "there is no contract")
		r.start()
		r.dead(held, true)
		r.contract()
		again := r.mint()
		if now := r.read("roles/" + role)["id"]; now == id || number(again.Data["serial"]) != 0 {
			t.Errorf("the new contract has id %v and begins with serial %v", now, again.Data["serial"])
		}
		r.dead(held, true)
		r.dead(again, false)
		r.notRenewed(held, "credential_revoked")
		r.revoke(held)
		r.dead(again, false)
		r.delete("roles/" + role)
		r.delete("services/payments")
		r.revoke(again)
		r.dead(again, true)
		if left := append(r.storage.keys("uses/"), r.storage.keys("state/")...); len(left) != 0 {
			t.Errorf("deleted contracts left %v", left)
		}
	})
}

func TestBadRoles(t *testing.T) {
	r := newRig(t)
	r.write("config", map[string]any{"issuer": issuer, "max_ttl": "24h"})
	r.write("services/payments", map[string]any{"audience": "https://payments.internal", "scopes": "invoices:read", "max_ttl": "1h"})
	base := map[string]any{"service": "payments", "scopes": "invoices:read", "bound_entity_ids": "e-orders"}
	for _, tc := range []struct {
		field string
		v     any
		says  string
	}{
		{"service", "", "service is required"},
		{"service", "refunds", `there is no service "refunds"`},
		{"service", []any{1, 2}, "service must be a string"},
		{"scopes", "", "scopes is required"},
		{"scopes", "invoices:admin", `service "payments" does not offer scope "invoices:admin"; it offers: invoices:read`},
		{"scope", "invoices:read", `unknown field "scope" (did you mean "scopes"?)`},
		{"bound_entity_ids", "", "no identity binding"},
		{"bound_entity_metadata", map[string]any{"team": ""}, "needs a key and a value"},
		{"bound_cidrs", "10.0.0.0/40", "neither a CIDR block nor an address"},
		{"subject", "{{identity.entity.email}}", "subject: {{identity.entity.email}} is unknown"},
		{"subject", strings.Repeat("s", 1<<20), "the limit is 2048"},
		{"ttl", "2h", "ttl 7200s is above the max_ttl 3600s of service"},
		{"max_ttl", "3601s", "max_ttl 3601s is above the max_ttl 3600s of service"},
		{"ttl", "0.5s", "ttl must be a duration in whole seconds"},
		{"max_tll", "1h", `unknown field "max_tll" (did you mean "max_ttl"?)`},
		{"not_before", "tomorrow", "not an RFC 3339 time"},
		{"not_before", "2027-03-01", "not an RFC 3339 time"},
		{"expires_at", "0001-01-01T00:00:00Z", "not an RFC 3339 time"},
		{"expires_at", "9999-12-31T23:59:59-02:00", "years 1970 to 9999"},
		{"expires_at", "1969-12-31T23:59:59Z", "years 1970 to 9999"},
		{"expires_at", 1900000000, "not an RFC 3339 time"},
		{"credential_type", "x509", `credential_type "x509" is unknown; use one of: jwt`},
		{"credential", map[string]any{"profil": "jwt_svid"}, `unknown setting "profil"`},
		{"credential", map[string]any{"profile": "id_token"}, `profile "id_token" is unknown`},
		{"credential", map[string]any{"key": "none"}, `there is no key "none"`},
		{"metadata", map[string]any{"junk": strings.Repeat("x", 1<<20)}, "the limit is"},
		{"id", "abc", `unknown field "id"`},
		{"revision", "abc", `unknown field "revision"`},
		{"state", "active", `unknown field "state"`},
		{strings.Repeat("f", 1<<20), "x", "unknown field"},
	} {
		data := map[string]any{}
		for k, v := range base {
			data[k] = v
		}
		data[tc.field] = tc.v
		r.badWrite("roles/"+role, data, tc.says)
	}
	for _, prefix := range []string{"roles/", "state/", "uses/"} {
		if stored := r.storage.keys(prefix); len(stored) != 0 {
			t.Errorf("refused writes stored %v", stored)
		}
	}
	for _, op := range []string{"suspend", "resume", "revoke"} {
		r.refused(logical.UpdateOperation, "roles/none/"+op, "", nil, 404, `there is no contract "none"`)
	}
}
