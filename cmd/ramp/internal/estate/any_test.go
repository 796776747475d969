package estate

import (
	"slices"
	"strings"

	"pgregory.net/rapid"
)

type object = map[string]any

func pick[T any](t *rapid.T, label string, from ...T) T {
	return rapid.SampledFrom(from).Draw(t, label)
}

// anyService draws a service that is good as often as not.
func anyService(t *rapid.T) object {
	s := object{"audience": "https://payments.internal", "scopes": []any{"invoices:read", "invoices:write"}}
	vary(t, s, 2, map[string][]any{
		"audience":   {"", "a b", strings.Repeat("x", 1025), 7, nil, "${x}"},
		"scopes":     {"invoices:read,invoices:write", "invoices:read", []any{}, []any{"a b"}, []any{"invoices:read", 5}, nil, "\"", object{}},
		"max_ttl":    {"1h", 3600, "25h", "0s", -1, "1.5s", 0.5, "soon", "3600", true, nil, "10m", "99999999999h"},
		"revocation": {"status", "expiry", "never", "", nil, 1},
		"proof":      {"none", "dpop", "mtls", "DPOP", ""},
		"consent":    {"open", "required", "sometimes", nil},
		"conditions": conditions,
		"owner":      {"team", "", 5, []any{"x"}, nil, true},
		"metadata":   metadata,
		"max_tll":    {"1h"},
		"state":      {"active"},
	})
	return s
}

// anyContract draws a contract that is good as often as not.
func anyContract(t *rapid.T) object {
	c := object{"service": "payments", "scopes": []any{"invoices:read"}, "bound_entity_names": []any{"orders"}}
	vary(t, c, 4, map[string][]any{
		"service":               {"payments", "payments", nil, ""},
		"credential_type":       {"jwt", "", "x509", nil, 3},
		"credential":            {object{"profile": "jwt_svid"}, object{"profile": "access_token", "key": "default"}, object{"profile": "x"}, object{"color": "red"}, "profile=jwt_svid", []any{}, object{}, nil, object{"profile": 3}},
		"scopes":                {"invoices:read", []any{"invoices:read", "invoices:write"}, []any{"admin"}, []any{}, []any{""}, "a b", nil, []any{"invoices:read", "invoices:read"}},
		"bound_entity_ids":      {"e-1", []any{"e-1", "e-2"}, []any{""}, nil, "", 5},
		"bound_entity_names":    {[]any{}, "orders,billing", []any{""}, nil, []any{"a", nil}},
		"bound_groups":          {"g", []any{"g", ""}, []any{}},
		"bound_entity_metadata": metadata,
		"bound_alias_metadata":  metadata,
		"bound_auth_mounts":     {"auth_jwt_1", []any{""}, []any{}},
		"bound_cidrs":           {"10.0.0.0/8", []any{"10.1.2.3", "2001:db8::/32"}, "10.0.0.0/99", []any{"host"}, []any{""}, "::ffff:10.0.0.0/104"},
		"subject":               {"spiffe://example.org/{{identity.entity.name}}", "{{identity.entity.id}}", "{{", "}}", "{{now}}", "a b", "", "${x}", "%{if}", strings.Repeat("x", 2049)},
		"ttl":                   {"5m", 300, "2h", "48h", "-5m", "1ms", "", nil, "x", 1e3, true, []any{}},
		"max_ttl":               {"30m", 60, "25h", "24h", -1, nil},
		"not_before":            {"2027-01-01T00:00:00Z", "2027-01-01", "", "0001-01-01T00:00:00Z", "1969-01-01T00:00:00Z", nil, 5, "2027-01-01T00:00:00+02:00"},
		"expires_at":            {"2027-06-01T00:00:00Z", "2026-06-01T00:00:00Z", "9999-12-31T23:59:59Z", "10000-01-01T00:00:00Z", "soon"},
		"conditions":            conditions,
		"stages":                stages,
		"off_ramp": {
			object{"window": "24h", "scopes": []any{"invoices:read"}}, object{"window": 3600, "ttl": "1m"}, object{"window": "1h"}, object{"window": 0, "ttl": 1},
			object{"window": "1h", "scopes": []any{"x"}}, object{"windw": "1h", "ttl": 60}, "soon", []any{}, object{}, nil, "", object{"window": "1h", "scopes": "invoices:read"},
		},
		"max_active":         {1, 0, -1, 1.5, "3", "three", 1e18, nil, true},
		"generation_overlap": {"5m", 0, -1, "x"},
		"metadata":           metadata,
		"expected_revisio":   {"x"},
		"state":              {"active"},
	})
	return c
}

// vary changes some fields to values of their own.
func vary(t *rapid.T, o object, most int, values map[string][]any) {
	names := rapid.SampledFrom(sorted(values))
	for range rapid.IntRange(0, most).Draw(t, "changes") {
		name := names.Draw(t, "field")
		o[name] = pick(t, name, values[name]...)
	}
}

func sorted(values map[string][]any) []string {
	var list []string
	for name := range values {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

var metadata = []any{
	object{"team": "orders"}, object{"team": ""}, object{"": "x"}, object{"team": 5}, object{"team": nil}, object{"team": []any{"a"}}, object{"a b": "${c}"},
	object{}, nil, "", "team=orders", "team", []any{"team=orders"}, 5, object{"big": strings.Repeat("x", 300_000)},
}

var conditions = []any{
	[]any{object{"name": "office", "expression": "request.time.getHours() > 8"}},
	[]any{object{"name": "office", "expression": "request.time.getHours() > 8", "on": []any{"issue", "request"}}},
	[]any{object{"name": "office", "expression": "caller.name in ['a', 'b'] && stage == ''", "on": []any{}}},
	[]any{object{"name": "office", "expression": "true"}, object{"name": "office", "expression": "true"}},
	[]any{object{"name": "office", "expression": "1 + 1"}}, []any{object{"name": "office", "expression": "request.tim > 8"}},
	[]any{object{"name": "office", "expression": "a &&"}}, []any{object{"name": "office", "expression": ""}}, []any{object{"expression": "true"}},
	[]any{object{"name": "office", "expression": "true", "on": []any{"revoke"}}}, []any{object{"name": "office", "expression": "true", "on": "issue"}},
	[]any{object{"name": "office", "expr": "true"}}, []any{5}, []any{}, nil, "", "x", object{"name": "office", "expression": "true"},
	`[{"name": "office", "expression": "true"}]`, []any{`[{"name": "office", "expression": "true"}]`}, []any{nil},
	[]any{object{"name": "office", "expression": "caller.metadata['${x}'] == '%{y}'"}},
}

var stages = []any{
	[]any{object{"name": "canary", "scopes": []any{"invoices:read"}, "ttl": "1m", "advance": object{"after": "24h", "issued": 3}}, object{"name": "full", "scopes": []any{"invoices:read"}}},
	[]any{object{"name": "canary", "scopes": []any{"invoices:read"}, "retreat": object{"denials": 3, "within": "1h"}, "idle": 3600, "max_active": 2}},
	[]any{object{"name": "canary", "scopes": []any{"invoices:read"}, "advance": object{"approval": true}}},
	[]any{object{"name": "canary", "scopes": []any{"invoices:read"}, "advance": object{}}, object{"name": "full", "scopes": []any{"invoices:read"}}},
	[]any{object{"name": "canary", "scopes": []any{"invoices:write"}}}, []any{object{"name": "canary", "scopes": []any{}}}, []any{object{"scopes": []any{"invoices:read"}}},
	[]any{object{"name": "a", "scopes": []any{"invoices:read"}}, object{"name": "a", "scopes": []any{"invoices:read"}}},
	[]any{object{"name": "a", "scopes": []any{"invoices:read"}, "ttl": -1}}, []any{object{"name": "a", "scopes": []any{"invoices:read"}, "max_active": -1}},
	[]any{object{"name": "a", "scopes": []any{"invoices:read"}, "retreat": object{"within": "1h"}}}, []any{object{"name": "a", "scopes": "invoices:read"}},
	[]any{object{"name": "a", "scopes": []any{"invoices:read"}, "conditions": []any{object{"name": "x", "expression": "stage == 'a'"}}}},
	[]any{object{"name": "a", "scopes": []any{"invoices:read"}, "conditions": []any{object{"name": "x", "expression": "stage = 'a'"}}}},
	[]any{object{"Name": "a", "SCOPES": []any{"invoices:read"}}}, []any{}, nil, "", "canary", 5, []any{object{"name": "a", "scopes": []any{"invoices:read"}, "ttl": 1.5}},
}
