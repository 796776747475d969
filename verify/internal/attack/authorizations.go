package attack

import (
	"encoding/base64"
	"net/http"
	"net/url"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// authorizations have a good token, in the wrong place.
func authorizations() []Attack {
	var all []Attack
	in := func(name string, make func(raw string) Shot, reasons ...verify.Reason) {
		all = append(all, Attack{Name: "authorization: " + name, Reasons: reasons, Make: func(w *World, _ Target) Shot {
			return make(w.Issuer.Issue(verifytest.Token{}))
		}})
	}
	header := func(name string, value func(raw string) string, reasons ...verify.Reason) {
		in(name, func(raw string) Shot { return Shot{Header: http.Header{"Authorization": {value(raw)}}} }, reasons...)
	}
	in("none", func(string) Shot { return Shot{Header: http.Header{}} }, verify.Missing)
	header("empty", func(string) string { return "" }, verify.Missing)
	header("no scheme", func(raw string) string { return raw }, verify.Missing)
	header("Bearer alone", func(string) string { return "Bearer" }, verify.Malformed, verify.Missing)
	header("two spaces", func(raw string) string { return "Bearer  " + raw }, verify.Malformed)
	header("a tab", func(raw string) string { return "Bearer\t" + raw }, verify.Missing, verify.Malformed)
	header("a colon", func(raw string) string { return "Bearer: " + raw }, verify.Missing, verify.Malformed)
	header("two tokens", func(raw string) string { return "Bearer " + raw + " " + raw }, verify.Malformed)
	header("two with a comma", func(raw string) string { return "Bearer " + raw + ", Bearer " + raw }, verify.Malformed)
	header("a parameter", func(raw string) string { return `Bearer token="` + raw + `"` }, verify.Malformed)
	header("Basic", func(raw string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte("x:"+raw)) }, verify.Missing)
	header("Token", func(raw string) string { return "Token " + raw }, verify.Missing)
	in("two headers", func(raw string) Shot {
		return Shot{Header: http.Header{"Authorization": {"Bearer " + raw, "Bearer " + raw}}}
	}, verify.Malformed)
	in("two headers, the first of which is another's", func(raw string) Shot {
		return Shot{Header: http.Header{"Authorization": {"Basic eDp4", "Bearer " + raw}}}
	}, verify.Malformed)
	in("in the query", func(raw string) Shot {
		return Shot{Header: http.Header{}, Query: "access_token=" + url.QueryEscape(raw)}
	}, verify.Missing)
	for _, name := range []string{"Cookie", "X-Access-Token", "Proxy-Authorization", "X-Forwarded-Authorization", "X-Original-Authorization"} {
		in("in "+name, func(raw string) Shot { return Shot{Header: http.Header{name: {"Bearer " + raw}}} }, verify.Missing)
	}
	return all
}
