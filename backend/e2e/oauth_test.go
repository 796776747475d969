package e2e_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// published reports whether the JWKS has a key.
func (r *rig) published(t *testing.T, kid string) bool {
	t.Helper()
	keys, _ := r.public(t, "ramp/.well-known/jwks.json")
	return strings.Contains(string(keys), `"`+kid+`"`)
}

// post sends a form as an OAuth client does: it knows nothing of Vault but a bearer token.
func (r *rig) post(t *testing.T, path, bearer string, form url.Values) (status int, body string, header http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.Addr+issuerPath+"/"+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+bearer)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header
}

// An OAuth client introspects (RFC 7662) and revokes (RFC 7009) with forms, at the endpoints that discovery names.
func TestOAuthClient(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	c := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	gateway := r.AppRole("gateway", r.Policy("gateway", `path "ramp/introspect" { capabilities = ["update"] }`)).Token
	scanner := r.AppRole("scanner", r.Policy("scanner", `path "ramp/revoke" { capabilities = ["update"] }`)).Token

	var discovery map[string]any
	document, _ := r.public(t, "ramp/.well-known/openid-configuration")
	if err := json.Unmarshal(document, &discovery); err != nil {
		t.Fatal(err)
	}
	for endpoint, path := range map[string]string{"introspection_endpoint": "introspect", "revocation_endpoint": "revoke"} {
		if want := r.Addr + issuerPath + "/" + path; discovery[endpoint] != want {
			t.Errorf("%s is %v, want %s", endpoint, discovery[endpoint], want)
		}
	}
	introspect := func(form url.Values) map[string]any {
		t.Helper()
		status, body, header := r.post(t, "introspect", gateway, form)
		var answer map[string]any
		if err := json.Unmarshal([]byte(body), &answer); err != nil || status != 200 || header.Get("Content-Type") != "application/json" || header.Get("Cache-Control") != "no-store" {
			t.Fatalf("HTTP %d %v: %s", status, header, body)
		}
		return answer
	}

	answer := introspect(url.Values{"token": {c.Token}, "token_type_hint": {"access_token"}})
	for member, want := range map[string]any{
		"active": true, "iss": c.Issuer, "sub": c.Subject, "aud": c.Audience, "client_id": c.ClientID, "scope": c.Scope,
		"jti": c.ID, "exp": float64(c.Expiry), "iat": float64(c.IssuedAt), "nbf": float64(c.NotBefore), "token_type": "Bearer",
	} {
		if answer[member] != want {
			t.Errorf("%s is %v, want %v", member, answer[member], want)
		}
	}
	copied := answer["data"]
	delete(answer, "data")
	if !reflect.DeepEqual(copied, any(answer)) {
		t.Errorf("data is %v, not a copy of %v", copied, answer)
	}

	for range 2 {
		if status, body, _ := r.post(t, "revoke", scanner, url.Values{"token": {c.Token}}); status != 200 || body != "" {
			t.Errorf("HTTP %d: %q", status, body)
		}
		r.wantDead(t, c)
	}
	_, err := r.orders.Client.Sys().Renew(c.Lease, 0)
	wantRefused(t, err, 400, "(credential_revoked)")
	inactive := introspect(url.Values{"token": {c.Token}})
	if inactive["active"] != false || !slices.Equal(slices.Sorted(maps.Keys(inactive)), []string{"active", "data"}) {
		t.Errorf("a dead token: %v", inactive)
	}
	if status, body, _ := r.post(t, "introspect", gateway, url.Values{}); status != 400 || !strings.Contains(body, "token is required") {
		t.Errorf("no token: HTTP %d: %s", status, body)
	}
	if status, _, _ := r.post(t, "revoke", gateway, url.Values{"token": {c.Token}}); status != 403 {
		t.Errorf("without a policy: HTTP %d", status)
	}
}

// Whatever is not a live token of this mount is inactive, and revoking it is a success that changes nothing.
func TestStrangeTokens(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	c := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	r.MountConfigured("elsewhere")
	r.Write("elsewhere/services/payments", fields{"audience": audience, "scopes": "invoices:read"})
	r.Write("elsewhere/roles/x", fields{"service": "payments", "scopes": "invoices:read", "bound_entity_ids": r.orders.EntityID})
	r.Policy("caller", callerPolicy+"\n"+strings.ReplaceAll(callerPolicy, "ramp/", "elsewhere/"))
	foreign, err := r.orders.Client.Logical().Read("elsewhere/creds/x")
	if err != nil {
		t.Fatal(err)
	}
	status, _ := r.public(t, "ramp/status/"+c.contractID()+"/0")
	feed, _ := r.public(t, "ramp/feed")
	parts := strings.Split(c.Token, ".")
	for name, token := range map[string]string{
		"nonsense":           "hello",
		"junk":               junk[:1<<19],
		"of another mount":   foreign.Data["token"].(string),
		"other claims":       tampered(c.Token, 1),
		"other signature":    tampered(c.Token, 2),
		"without signature":  parts[0] + "." + parts[1] + ".",
		"alg none":           "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + parts[1] + ".",
		"detached":           parts[0] + ".." + parts[2],
		"a status list":      string(status),
		"the feed":           string(feed),
		"with a space":       c.Token + " ",
		"the token repeated": c.Token + "." + c.Token,
	} {
		t.Run(name, func(t *testing.T) {
			if answer := r.introspect(t, token); answer["active"] != false || len(answer) != 1 {
				t.Errorf("introspection says %v", answer)
			}
			if answer := r.write(t, "revoke", fields{"token": token}); answer != nil {
				t.Errorf("revocation says %v", answer)
			}
		})
	}
	r.wantAlive(t, c)
}
