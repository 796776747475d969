package e2e_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
)

var (
	junk     = strings.Repeat("junk", 1<<18)                             // 1 MiB
	manyJunk = strings.TrimSuffix(strings.Repeat("junk,", 200_000), ",") // just below the longest string that Vault itself takes
)

// mistake is a write that must be refused, and words of the text that says what to fix.
type mistake struct {
	path string
	data fields
	says string
}

var mistakes = map[string]mistake{
	"config: misspelt field":            {"config", fields{"isuer": "https://vault.example.com/v1/ramp"}, `unknown field "isuer" (did you mean "issuer"?)`},
	"config: unheard-of field":          {"config", fields{"colour": "red"}, `unknown field "colour"; known fields: default_ttl, issuer`},
	"config: http issuer":               {"config", fields{"issuer": "http://vault.example.com/v1/ramp"}, "must use https"},
	"config: issuer that is no URL":     {"config", fields{"issuer": "vault.example.com"}, "is not a URL such as"},
	"config: ftp issuer":                {"config", fields{"issuer": "ftp://vault.example.com/v1/ramp"}, "https"},
	"config: issuer with a slash":       {"config", fields{"issuer": "https://vault.example.com/v1/ramp/"}, "may not end with a slash"},
	"config: issuer with a query":       {"config", fields{"issuer": "https://vault.example.com/v1/ramp?x=1"}, "neither user, query nor fragment"},
	"config: issuer with a password":    {"config", fields{"issuer": "https://a:b@vault.example.com/v1/ramp"}, "neither user, query nor fragment"},
	"config: junk issuer":               {"config", fields{"issuer": "https://" + junk[:1<<19]}, "issuer has 524296 bytes, the limit is 1024"},
	"config: empty issuer":              {"config", fields{"issuer": ""}, "issuer is required"},
	"config: bad trust domain":          {"config", fields{"trust_domain": "Example.COM/x"}, "not a SPIFFE trust domain"},
	"config: junk trust domain":         {"config", fields{"trust_domain": junk}, "not a SPIFFE trust domain"},
	"config: duration that is none":     {"config", fields{"max_ttl": "soon"}, "max_ttl must be a duration in whole seconds, such as 90s"},
	"config: negative duration":         {"config", fields{"max_ttl": "-1h"}, "max_ttl"},
	"config: ttl above max_ttl":         {"config", fields{"default_ttl": "2h", "max_ttl": "1h"}, "default_ttl 7200s is above max_ttl 3600s"},
	"config: max_ttl above the mount's": {"config", fields{"max_ttl": "100000h"}, "max_lease_ttl"},
	"config: leeway of an hour":         {"config", fields{"not_before_leeway": "1h"}, "not_before_leeway must be between"},

	"service: misspelt field":    {"services/payments", fields{"audiense": audience}, `did you mean "audience"?`},
	"service: unknown consent":   {"services/payments", fields{"consent": "maybe"}, `use "open" or "required"`},
	"service: no audience":       {"services/new", fields{"scopes": "a"}, "audience is required"},
	"service: no scopes":         {"services/new", fields{"audience": audience}, "scopes is required"},
	"service: space in audience": {"services/payments", fields{"audience": "https://a b"}, "without spaces"},
	"service: junk audience":     {"services/payments", fields{"audience": junk}, "at most 1024 bytes"},
	"service: space in a scope":  {"services/payments", fields{"scopes": "a b"}, "separate several scopes with commas"},
	"service: junk scope":        {"services/payments", fields{"scopes": junk}, "it must have 1 to 256"},
	"service: junk scopes":       {"services/payments", fields{"metadata": fields{"x": manyJunk}}, "all fields together have 1000"},
	"service: junk metadata":     {"services/payments", fields{"metadata": fields{"x": junk}}, "the limit is 262144: shorten the longest"},
	"service: junk owner":        {"services/payments", fields{"owner": junk}, "the limit is 262144"},
	"service: unknown proof":     {"services/payments", fields{"proof": "blood"}, `use "none", "dpop" or "mtls"`},
	"service: unknown mode":      {"services/payments", fields{"revocation": "never"}, `use "status" or "expiry"`},
	"service: max_ttl too long":  {"services/payments", fields{"max_ttl": "25h"}, "max_ttl 90000s is above the max_ttl 86400s"},
	"service: map for a string":  {"services/payments", fields{"audience": fields{"a": junk}}, "audience must be a string"},
	"service: list for a map":    {"services/payments", fields{"metadata": []any{1, 2}}, "metadata must be a map of strings, or key=value pairs"},

	"role: misspelt field":       {"roles/orders-to-payments", fields{"max_tll": "1h"}, `unknown field "max_tll" (did you mean "max_ttl"?)`},
	"role: unknown stage field":  {"roles/orders-to-payments", fields{"stages": []any{fields{"nam": "canary"}}}, `"nam"`},
	"role: stage without scopes": {"roles/orders-to-payments", fields{"stages": []any{fields{"name": "canary"}}}, "a stage without scopes grants nothing"},
	"role: stage with more":      {"roles/orders-to-payments", fields{"stages": []any{fields{"name": "canary", "scopes": []any{"invoices:write"}}}}, "is not one of the contract's"},
	"role: beyond the last":      {"roles/orders-to-payments", fields{"stages": []any{fields{"name": "canary", "scopes": []any{"invoices:read"}, "advance": fields{"issued": 1}}}}, "there is none after the last"},
	"role: off-ramp to nowhere":  {"roles/orders-to-payments", fields{"off_ramp": fields{"window": "1h", "ttl": "1m"}}, "which is not set"},
	"role: negative limit":       {"roles/orders-to-payments", fields{"max_active": -1}, "max_active"},
	"role: unknown scope":        {"roles/orders-to-payments", fields{"scopes": "refunds"}, `does not offer scope "refunds"; it offers: invoices:read invoices:write`},
	"role: ttl above a ceiling":  {"roles/orders-to-payments", fields{"ttl": "2h"}, `ttl 7200s is above the max_ttl 3600s of service "payments"`},
	"role: max_ttl above":        {"roles/orders-to-payments", fields{"max_ttl": "2h"}, `max_ttl 7200s is above the max_ttl 3600s of service "payments"`},
	"role: ttl above max_ttl":    {"roles/orders-to-payments", fields{"ttl": "30m", "max_ttl": "10m"}, "ttl 1800s is above max_ttl 600s"},
	"role: negative ttl":         {"roles/orders-to-payments", fields{"ttl": "-5m"}, "ttl"},
	"role: bad template":         {"roles/orders-to-payments", fields{"subject": "{{identity.entity.nam}}"}, "{{identity.entity.nam}} is unknown; use identity.entity.id"},
	"role: open template":        {"roles/orders-to-payments", fields{"subject": "a{{identity.entity.id"}, "found {{ without }}"},
	"role: junk template":        {"roles/orders-to-payments", fields{"subject": junk}, "the limit is 2048"},
	"role: SVID without SPIFFE":  {"roles/orders-to-payments", fields{"subject": "x", "credential": fields{"profile": "jwt_svid"}}, "spiffe://"},
	"role: unknown profile":      {"roles/orders-to-payments", fields{"credential": fields{"profile": "paper"}}, "use access_token or jwt_svid"},
	"role: unknown setting":      {"roles/orders-to-payments", fields{"credential": fields{"profil": "jwt_svid"}}, `unknown setting "profil"`},
	"role: unknown key":          {"roles/orders-to-payments", fields{"credential": fields{"key": "nosuch"}}, `there is no key "nosuch"`},
	"role: unknown type":         {"roles/orders-to-payments", fields{"credential_type": "ssh"}, `credential_type "ssh" is unknown; use one of: jwt`},
	"role: unknown service":      {"roles/new", fields{"service": "nosuch", "scopes": "a", "bound_entity_ids": "x"}, `there is no service "nosuch"`},
	"role: no service":           {"roles/new", fields{"scopes": "invoices:read", "bound_entity_ids": "x"}, "service is required"},
	"role: no scopes":            {"roles/new", fields{"service": "payments", "bound_entity_ids": "x"}, "scopes is required"},
	"role: no binding":           {"roles/new", fields{"service": "payments", "scopes": "invoices:read"}, "no identity binding, so nobody could use this contract"},
	"role: only addresses":       {"roles/new", fields{"service": "payments", "scopes": "invoices:read", "bound_cidrs": "10.0.0.0/8"}, "no identity binding"},
	"role: bad CIDR":             {"roles/orders-to-payments", fields{"bound_cidrs": "10.0.0.0/33"}, "10.0.0.0/33"},
	"role: bad time":             {"roles/orders-to-payments", fields{"expires_at": "tomorrow"}, "not an RFC 3339 time such as"},
	"role: ends before it began": {"roles/orders-to-payments", fields{"not_before": "2030-01-02T00:00:00Z", "expires_at": "2030-01-01T00:00:00Z"}, "not_before must be earlier"},
	"role: junk metadata":        {"roles/orders-to-payments", fields{"metadata": fields{"x": junk}}, "the limit is 262144: shorten the longest"},
	"role: junk bindings":        {"roles/orders-to-payments", fields{"bound_entity_ids": manyJunk}, "the limit is 262144"},
	"role: map for a list":       {"roles/orders-to-payments", fields{"scopes": fields{"a": "b"}}, "scopes must be a list of strings"},
	"role: list for a duration":  {"roles/orders-to-payments", fields{"ttl": []any{"1h"}}, "ttl must be a duration"},

	"key: misspelt field":    {"keys/default", fields{"algorithms": "RS256"}, `did you mean "algorithm"?`},
	"key: unknown algorithm": {"keys/new", fields{"algorithm": "HS256"}, "use one of ES256, RS256, ES384, Ed25519"},
	"key: none":              {"keys/new", fields{"algorithm": "none"}, "use one of ES256"},
	"key: junk algorithm":    {"keys/new", fields{"algorithm": junk}, "use one of ES256"},
	"key: negative period":   {"keys/default", fields{"rotation_period": "-1h"}, "rotation_period"},
	"key: bad delay":         {"keys/default", fields{"activation_delay": "a while"}, "activation_delay"},
	"key: revoke nothing":    {"keys/default/revoke", nil, "kid is required"},
	"key: revoke a stranger": {"keys/default/revoke", fields{"kid": "nosuch"}, `has no kid "nosuch"`},
	"key: rotate with":       {"keys/default/rotate", fields{"force": true}, `unknown field "force"`},

	"creds: misspelt field":  {"creds/orders-to-payments", fields{"scope": "invoices:read"}, `did you mean "scopes"?`},
	"creds: bad duration":    {"creds/orders-to-payments", fields{"ttl": "long"}, "ttl must be a duration"},
	"creds: negative ttl":    {"creds/orders-to-payments", fields{"ttl": -5}, "ttl"},
	"creds: bad scope":       {"creds/orders-to-payments", fields{"scopes": "a b"}, "separate several scopes with commas"},
	"creds: junk scope":      {"creds/orders-to-payments", fields{"scopes": junk}, "it must have 1 to 256"},
	"creds: junk key":        {"creds/orders-to-payments", fields{"public_key": junk}, "public_key must be"},
	"creds: junk thumbprint": {"creds/orders-to-payments", fields{"dpop_jkt": junk}, "43 characters"},

	"deploy: no generation":  {"roles/orders-to-payments/deploy", nil, "generation is required"},
	"deploy: into the past":  {"roles/orders-to-payments/deploy", fields{"generation": "g", "overlap": "-1s"}, "overlap"},
	"deploy: a long name":    {"roles/orders-to-payments/deploy", fields{"generation": junk}, "at most 128 bytes"},
	"advance: nobody":        {"roles/orders-to-payments/advance", nil, "caller is required"},
	"advance: no stages":     {"roles/orders-to-payments/advance", fields{"caller": "somebody"}, "has no stages"},
	"evidence: no report":    {"evidence/orders-to-payments", fields{"caller": "somebody", "accepted": 1}, "report is required"},
	"evidence: no caller":    {"evidence/orders-to-payments", fields{"report": "1", "accepted": 1}, "give caller and accepted or refused"},
	"evidence: negative":     {"evidence/orders-to-payments", fields{"report": "1", "caller": "somebody", "refused": -1}, "not negative"},
	"evidence: misspelt":     {"evidence/orders-to-payments", fields{"reports": "1"}, `did you mean "report"?`},
	"consent: no revision":   {"services/payments/consents/orders-to-payments", nil, "revision is required"},
	"explain: no address":    {"explain/orders-to-payments", fields{"remote_address": "here"}, "is not an IP address"},
	"explain: bad proposal":  {"explain/orders-to-payments", fields{"contract": fields{"servise": "payments"}}, `"servise"`},
	"creds: large context":   {"creds/orders-to-payments", fields{"context": fields{"x": junk[:4096]}}, "the limit is 2048"},
	"creds: long generation": {"creds/orders-to-payments", fields{"generation": junk[:4096]}, "the limit is 128"},

	"introspect: nothing":     {"introspect", nil, "token is required"},
	"introspect: other field": {"introspect", fields{"tokn": "x"}, `did you mean "token"?`},
	"introspect: not text":    {"introspect", fields{"token": fields{"a": junk}}, "token must be a string"},
	"revoke: nothing":         {"revoke", nil, "token is required"},
	"suspend: a reason":       {"roles/orders-to-payments/suspend", fields{"reason": "x"}, `unknown field "reason"; known fields: none`},
}

// Bad input is refused with a text that says what to fix, however large the input, and changes nothing.
func TestBadInput(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	everything := func() (state []fields) {
		for _, path := range []string{
			"config", "services/payments", "services/new", "roles/orders-to-payments", "roles/new", "keys/default", "keys/new",
		} {
			state = append(state, r.read(t, path))
		}
		return state
	}
	for name, m := range mistakes {
		t.Run(name, func(t *testing.T) {
			client := r.Client
			if strings.HasPrefix(m.path, "creds/") {
				client = r.orders.Client
			}
			before := everything()
			err := write(client, m.path, m.data)
			wantRefused(t, err, 400, m.says)
			if answer := (*api.ResponseError)(nil); errors.As(err, &answer) && len(answer.Error()) > 1500 {
				t.Errorf("the error has %d bytes", len(answer.Error()))
			}
			if after := everything(); !reflect.DeepEqual(before, after) {
				t.Errorf("it was stored:\n%v\nwas\n%v", after, before)
			}
		})
	}
}

func TestBadQueries(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for query, says := range map[[2]string]string{
		{"after", "yesterday"}: "is not a cursor",
		{"after", "-1"}:        "is not a cursor",
		{"after", junk[:4096]}: "is not a cursor",
		{"wait", "2s"}:         "at most 1s",
		{"wait", "-1s"}:        "at most 1s",
		{"wait", "a while"}:    "at most 1s",
		{"since", "1"}:         `unknown field "since"; known fields: after, wait`,
	} {
		resp, err := r.As("").Logical().ReadRawWithData("ramp/feed", map[string][]string{query[0]: {query[1]}})
		wantRefused(t, err, 400, says)
		if resp != nil {
			resp.Body.Close()
		}
	}
}
