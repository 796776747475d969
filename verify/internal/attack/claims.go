package attack

import (
	"fmt"
	"strings"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// claims are signed by the issuer's key, which never says such things: they
// are what is left when somebody can have anything signed.
func claims() []Attack {
	var all []Attack
	says := func(name string, change func(w *World) map[string]any, reasons ...verify.Reason) {
		all = append(all, token("claims: "+name, func(w *World) string { return w.token(change(w)) }, reasons...))
	}
	is := func(name string, value any, reasons ...verify.Reason) {
		says(fmt.Sprintf("%s is %.40v", name, value), func(*World) map[string]any { return map[string]any{name: value} }, reasons...)
	}
	const aud = verifytest.DefaultAudience
	is("aud", nil, verify.Malformed, verify.Audience)
	for _, value := range []any{"", aud + "/", strings.ToUpper(aud), aud[:len(aud)-1], aud + ".evil.example", " " + aud, "*", "https://billing.internal"} {
		is("aud", value, verify.Audience)
	}
	for _, value := range []any{[]string{aud}, []string{aud, "https://billing.internal"}, []string{}, map[string]any{aud: true}, 7, true} {
		is("aud", value, verify.Malformed)
	}
	is("exp", nil, verify.Malformed, verify.Expired)
	for _, value := range []any{"9999999999", 4.5, 1e99, true, []int{1}, 1 << 62, -1 << 63, int64(1<<63 - 1), 253402300800} {
		is("exp", value, verify.Malformed)
	}
	for _, value := range []any{0, -1, 1} {
		is("exp", value, verify.Malformed, verify.Expired)
	}
	says("exp is now", func(*World) map[string]any { return map[string]any{"exp": time.Now().Unix()} }, verify.Expired)
	for _, name := range []string{"nbf", "iat"} {
		for _, value := range []any{nil, 0, -1, "1", 1.5, 1e99, int64(1<<63 - 1), -1 << 63} {
			is(name, value, verify.Malformed)
		}
	}
	says("nbf is in a minute", func(*World) map[string]any { return map[string]any{"nbf": time.Now().Unix() + 60} }, verify.NotYetValid)
	for _, name := range []string{"sub", "client_id", "jti"} {
		for _, value := range []any{nil, "", 7, []string{"x"}, map[string]any{}} {
			is(name, value, verify.Malformed)
		}
	}
	for _, value := range []string{"forged", "forged.", ".7", "forged.-7", "forged.07", "forged.7.7", "forged.8", "other.7", "forged.18446744073709551616", "forged.7 "} {
		is("jti", value, verify.Malformed)
	}
	is("scope", []string{"invoices:read"}, verify.Malformed)
	for _, value := range []any{map[string]any{}, map[string]any{"jwk": map[string]any{"kty": "EC"}}, map[string]any{"kid": "x"}, map[string]any{"jkt": ""}, map[string]any{"jkt": 7}, "x", []int{}} {
		is("cnf", value, verify.Malformed)
	}
	for _, value := range []any{"x", map[string]any{"status_list": map[string]any{"idx": -1}}, map[string]any{"status_list": map[string]any{"idx": 1e20}}, map[string]any{"status_list": 7}} {
		is("status", value, verify.Malformed)
	}
	for _, value := range []any{"x", map[string]any{}, map[string]any{"id": "forged", "serial": "7"}, map[string]any{"id": "other", "serial": 7}} {
		is("ramp", value, verify.Malformed)
	}
	return append(all, payloads()...)
}

// payloads are claims in JSON that readers disagree about, or no JSON.
func payloads() []Attack {
	var all []Attack
	payload := func(name string, make func(good string) string) {
		all = append(all, token("payload: "+name, func(w *World) string { return w.sign("ES256", w.header("ES256"), make(w.claims(nil))) }, verify.Malformed))
	}
	for _, member := range []string{
		`"exp":9999999999`, `"Exp":9999999999`, `"EXP":1`, `"scope":"admin"`, `"Scope":"admin"`, `"\u0073cope":"admin"`, `"ſcope":"admin"`, `"iss":"https://evil.example"`,
		`"ISS":"https://evil.example"`, `"Sub":"admin"`, `"SUB":"admin"`, `"AUD":"x"`, `"Client_ID":"x"`, `"CNF":{"jkt":"x"}`, `"Status":{"status_list":{"idx":7}}`,
		`"cnf":null,"CNF":{"jkt":"x"}`, `"x":1,"x":1`, `"x":{"y":1,"y":1}`,
	} {
		payload("with another "+member, func(good string) string { return "{" + member + "," + good[1:] })
		payload("with a last "+member, func(good string) string { return good[:len(good)-1] + "," + member + "}" })
	}
	payload("none", func(string) string { return "" })
	payload("null", func(string) string { return "null" })
	payload("array", func(good string) string { return "[" + good + "]" })
	payload("string", func(good string) string { return `"` + strings.ReplaceAll(good, `"`, `\"`) + `"` })
	payload("two", func(good string) string { return good + good })
	payload("more behind it", func(good string) string { return good + "x" })
	payload("not ended", func(good string) string { return good[:len(good)-1] })
	payload("comma at the end", func(good string) string { return good[:len(good)-1] + ",}" })
	payload("a comment", func(good string) string { return "/**/" + good })
	payload("byte order mark", func(good string) string { return "\ufeff" + good })
	payload("not UTF-8", func(good string) string { return good[:len(good)-1] + ",\"x\":\"\xff\"}" })
	payload("half a surrogate", func(good string) string { return good[:len(good)-1] + `,"x":"\ud800"}` })
	payload("very deep", func(good string) string {
		return good[:len(good)-1] + `,"x":` + strings.Repeat("[", 5100) + strings.Repeat("]", 5000) + `}`
	})
	all = append(all, token("payload: a token", func(w *World) string {
		return w.sign("ES256", w.header("ES256"), w.token(nil))
	}, verify.Malformed))
	return all
}
