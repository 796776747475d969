package attack

import (
	"strings"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// issuers are tokens that are not from the issuer, though they look so.
func issuers() []Attack {
	all := []Attack{
		token("issuer: another's token", func(w *World) string { return w.Stranger.Issue(verifytest.Token{}) }, verify.UnknownKey),
		token("issuer: another's key, our iss", func(w *World) string {
			id, signer := w.Stranger.SigningKey()
			return w.signWith(key{id, signer}, encode(encoded(map[string]string{"alg": "ES256", "kid": id, "typ": "at+jwt"}))+"."+encode(w.claims(nil)))
		}, verify.UnknownKey),
		token("issuer: another's key, our iss and kid", func(w *World) string {
			_, signer := w.Stranger.SigningKey()
			return w.signWith(key{"", signer}, encode(w.header("ES256"))+"."+encode(w.claims(nil)))
		}, verify.Signature),
		token("issuer: another's iss, our key", func(w *World) string { return w.token(map[string]any{"iss": w.Stranger.URL}) }, verify.WrongIssuer),
		token("issuer: a message of the feed", func(w *World) string {
			return w.Issuer.Sign("ramp-feed+jwt", map[string]any{"iss": w.Issuer.URL, "cursor": 1, "sub": "s", "aud": verifytest.DefaultAudience, "exp": 9999999999})
		}, verify.Malformed),
		token("issuer: a status list", func(w *World) string {
			return w.Issuer.Sign("statuslist+jwt", map[string]any{"iss": w.Issuer.URL, "sub": w.Issuer.URL + "/status/x/0", "exp": 9999999999, "status_list": map[string]any{"bits": 1, "lst": ""}})
		}, verify.Malformed),
	}
	near := func(name string, change func(iss string) any, reason verify.Reason) {
		all = append(all, token("issuer: "+name, func(w *World) string { return w.token(map[string]any{"iss": change(w.Issuer.URL)}) }, reason))
	}
	for name, change := range map[string]func(string) string{
		"slash at the end":  func(s string) string { return s + "/" },
		"shorter":           func(s string) string { return s[:len(s)-1] },
		"longer":            func(s string) string { return s + "x" },
		"upper case":        strings.ToUpper,
		"upper-case scheme": func(s string) string { return strings.Replace(s, "http", "HTTP", 1) },
		"other scheme":      func(s string) string { return strings.Replace(s, "http:", "https:", 1) },
		"other path":        func(s string) string { return strings.Replace(s, "/v1/ramp", "/v1/other", 1) },
		"double slash":      func(s string) string { return strings.Replace(s, "/v1", "//v1", 1) },
		"dot segments":      func(s string) string { return strings.Replace(s, "/v1", "/x/../v1", 1) },
		"percent-encoded":   func(s string) string { return strings.Replace(s, "ramp", "%72amp", 1) },
		"user":              func(s string) string { return strings.Replace(s, "://", "://u@", 1) },
		"query":             func(s string) string { return s + "?" },
		"fragment":          func(s string) string { return s + "#" },
		"space":             func(s string) string { return s + " " },
		"NUL":               func(s string) string { return s + "\x00" },
		"Cyrillic а":        func(s string) string { return strings.Replace(s, "ramp", "rаmp", 1) },
		"localhost":         func(s string) string { return strings.Replace(s, "127.0.0.1", "localhost", 1) },
		"empty":             func(string) string { return "" },
	} {
		near("iss near miss: "+name, func(s string) any { return change(s) }, verify.WrongIssuer)
	}
	near("iss missing", func(string) any { return nil }, verify.WrongIssuer)
	near("iss is an array", func(s string) any { return []string{s} }, verify.Malformed)
	near("iss is an object", func(s string) any { return map[string]any{s: s} }, verify.Malformed)
	return all
}

// deaths are tokens that were good once.
func deaths() []Attack {
	dead := func(name string, issue verifytest.Token, kill func(w *World, raw string), reasons ...verify.Reason) Attack {
		return Attack{Name: "dead: " + name, Reasons: reasons, Soon: kill != nil, Make: func(w *World, _ Target) Shot {
			raw := w.Issuer.Issue(issue)
			if kill != nil {
				kill(w, raw)
			}
			return bearer(raw)
		}}
	}
	return []Attack{
		dead("expired", verifytest.Token{TTL: -1e9}, nil, verify.Expired),
		dead("revoked", verifytest.Token{}, func(w *World, raw string) { w.Issuer.Revoke(raw) }, verify.Revoked),
		dead("revoked SVID", verifytest.Token{SVID: true}, func(w *World, raw string) { w.Issuer.Revoke(raw) }, verify.Revoked),
		dead("contract revoked", verifytest.Token{Contract: "doomed"}, func(w *World, _ string) { w.Issuer.RevokeContract("doomed") }, verify.Revoked),
		dead("caller suspended", verifytest.Token{Caller: "e-doomed"}, func(w *World, _ string) { w.Issuer.SuspendCaller("e-doomed") }, verify.Revoked),
	}
}
