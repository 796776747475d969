package extauthz_test

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/internal/attack"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/extauthz"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// shoot has Envoy ask about what an attacker sends.
func shoot(path string, shot attack.Shot, raw bool) request {
	r := request{method: "GET", path: path, raw: raw}
	if shot.Query != "" {
		r.path += "?" + shot.Query
	}
	for name, values := range shot.Header {
		for _, v := range values {
			r.headers = append(r.headers, [2]string{strings.ToLower(name), v})
		}
	}
	if shot.Certificate != nil {
		r.certificate = shot.Certificate.Certificate[0]
	}
	return r
}

// reason is the one that a body ends in.
func reason(a answer) verify.Reason {
	text := strings.TrimSuffix(strings.TrimSpace(a.body), ")")
	return verify.Reason(text[strings.LastIndexByte(text, '(')+1:])
}

func TestAttacks(t *testing.T) {
	const path = "/invoices/7"
	to := attack.Target{Method: http.MethodGet, URL: origin + path}
	for _, form := range []bool{false, true} {
		r := newRig(t, nil)
		for _, c := range attack.Controls() {
			if got := r.send(t, shoot(path, c.Make(r.World, to), form)); got.status != http.StatusOK {
				t.Errorf("control %s: %+v", c.Name, got)
			}
		}
		for _, a := range attack.Attacks() {
			shot := shoot(path, a.Make(r.World, to), form)
			if a.Again {
				if got := r.send(t, shot); got.status != http.StatusOK {
					t.Errorf("%s: the first: %+v", a.Name, got)
				}
			}
			got := r.send(t, shot)
			if a.Soon {
				eventually(t, a.Name, func() bool { got = r.send(t, shot); return got.status != http.StatusOK })
			}
			switch why := reason(got); {
			case got.status == http.StatusOK:
				t.Errorf("%s: ACCEPTED", a.Name)
			case !form && len(shot.headers) > 1 && why == verify.Missing: // joined, two schemes are an unknown one
			case why != gate.ReasonAmbiguous && !a.Refused(why):
				t.Errorf("%s: refused for %s, want %v: %s", a.Name, why, a.Reasons, got.body)
			}
		}
		for _, c := range attack.Controls() {
			if got := r.send(t, shoot(path, c.Make(r.World, to), form)); got.status != http.StatusOK {
				t.Errorf("control %s, after the attacks: %+v", c.Name, got)
			}
		}
	}
}

// Headers that speak for the gate do not get through, in any form; neither
// does the token.
func TestSpoofedHeaders(t *testing.T) {
	r := newRig(t, nil)
	raw := r.Issuer.Issue(verifytest.Token{})
	var spoofed [][2]string
	for _, name := range []string{
		"ramp-caller", "ramp_caller", "ramp-subject", "ramp.subject", "ramp-anything", "ramp_scopes", "ramp-generation", "ramp-request-id", "x-http-method-override", "x_original_url",
		"x-rewrite-url", "dpop",
	} {
		spoofed = append(spoofed, [2]string{name, "mallory"}, [2]string{name, "mallory"})
	}
	for path, headers := range map[string][][2]string{"/invoices/7": slices.Concat(spoofed, bearer(raw), spoofed), "/public/x": slices.Concat(spoofed, bearer(raw))} {
		for _, form := range []bool{false, true} {
			got := r.send(t, request{method: "GET", path: path, headers: headers, raw: form})
			if got.status != http.StatusOK {
				t.Fatalf("%s: %+v", path, got)
			}
			for _, h := range got.headers {
				if strings.Contains(h[1], "mallory") || strings.Contains(h[1], raw) {
					t.Errorf("%s: the service gets %q", path, h)
				}
			}
			if path == "/public/x" && len(got.named("ramp-subject")) != 0 {
				t.Error("a public request has an identity")
			}
		}
	}
}

// What two servers may read in two ways is denied, and what is allowed is
// routed as it is written.
func TestPaths(t *testing.T) {
	r := newRig(t, nil)
	headers := bearer(r.Issuer.Issue(verifytest.Token{Scopes: []string{"invoices:read"}}))
	for _, path := range []string{
		"", "*", "invoices/7", "//admin/x", "/public//admin/x", "/public/../admin/x", "/public/%2e%2e/admin/x", "/public/%2E%2e%2Fadmin/x", "/public/..%2fadmin/x", "/public/%252e%252e/admin",
		"/public/x%2fadmin", "/public/x%5cadmin", `/public/x\admin`, "/public/x;/../admin", "/public/x;a=b", "/public/%00", "/public/%", "/public/%zz", "/public/\x00", "/public/x\r\nx-y: z",
		"/public/x#fragment", "/public/./x", "/public/.", "/public/..", "http://evil.example/public/x", "http://payments.internal/public/x", "//evil.example/public/x", "/public/\u00e9", "/public/%ff",
		"/public/x?a b", "/public/x?a#b", "/ADMIN/x", "/Public/x", "/public", "/admin/x", "/admin", "/", "/public/x\t", " /public/x",
	} {
		for _, form := range []bool{false, true} {
			if got := r.send(t, request{method: "GET", path: path, headers: headers, raw: form}); got.status == http.StatusOK {
				t.Errorf("%q was accepted", path)
			}
		}
	}
	for _, path := range []string{"/public/x", "/public/x/", "/public/", "/public/x%20y", "/public/x?next=%2f..%2fadmin", "/invoices/a%C3%A9"} {
		if got := r.send(t, request{method: "GET", path: path, headers: headers}); got.status != http.StatusOK {
			t.Errorf("%q: %+v", path, got)
		}
	}
	if got := r.send(t, request{method: "GET", path: "/public/\xff", raw: true}); got.status != http.StatusBadRequest {
		t.Errorf("a byte that Envoy shows in two ways: %+v", got)
	}
}

// What Envoy does not send is denied.
func TestContradictions(t *testing.T) {
	r := newRig(t, nil)
	good := request{method: "GET", path: "/invoices/7", headers: bearer(r.Issuer.Issue(verifytest.Token{}))}
	if got := r.send(t, good); got.status != http.StatusOK {
		t.Fatalf("%+v", got)
	}
	http1 := func(change func(*authv3.AttributeContext_HttpRequest)) func(*authv3.CheckRequest) {
		return func(c *authv3.CheckRequest) { change(c.Attributes.Request.Http) }
	}
	for name, change := range map[string]func(*authv3.CheckRequest){
		"nothing":          func(c *authv3.CheckRequest) { c.Attributes = nil },
		"no request":       func(c *authv3.CheckRequest) { c.Attributes.Request = nil },
		"TCP":              func(c *authv3.CheckRequest) { c.Attributes.Request.Http = nil },
		"no method":        http1(func(h *authv3.AttributeContext_HttpRequest) { h.Method = "" }),
		"two methods":      http1(func(h *authv3.AttributeContext_HttpRequest) { h.Headers[":method"] = "POST" }),
		"bad method":       http1(func(h *authv3.AttributeContext_HttpRequest) { h.Method, h.Headers[":method"] = "G T", "G T" }),
		"CONNECT":          http1(func(h *authv3.AttributeContext_HttpRequest) { h.Method, h.Headers[":method"] = "CONNECT", "CONNECT" }),
		"two paths":        http1(func(h *authv3.AttributeContext_HttpRequest) { h.Headers[":path"] = "/public/x" }),
		"two hosts":        http1(func(h *authv3.AttributeContext_HttpRequest) { h.Headers[":authority"] = "evil.example" }),
		"host header":      http1(func(h *authv3.AttributeContext_HttpRequest) { h.Headers["host"] = host }),
		"no host":          http1(func(h *authv3.AttributeContext_HttpRequest) { h.Host = ""; delete(h.Headers, ":authority") }),
		"query":            http1(func(h *authv3.AttributeContext_HttpRequest) { h.Query = "a=b" }),
		"fragment":         http1(func(h *authv3.AttributeContext_HttpRequest) { h.Fragment = "x" }),
		"header name":      http1(func(h *authv3.AttributeContext_HttpRequest) { h.Headers["a b"] = "x" }),
		"empty name":       http1(func(h *authv3.AttributeContext_HttpRequest) { h.Headers[""] = "x" }),
		"header value":     http1(func(h *authv3.AttributeContext_HttpRequest) { h.Headers["a"] = "x\r\ny: z" }),
		"two spellings":    http1(func(h *authv3.AttributeContext_HttpRequest) { h.Headers["Authorization"] = h.Headers["authorization"] }),
		"Connection names": http1(func(h *authv3.AttributeContext_HttpRequest) { h.Headers["connection"] = "close, ramp-subject" }),
		"two header forms": http1(func(h *authv3.AttributeContext_HttpRequest) {
			h.HeaderMap = &corev3.HeaderMap{Headers: []*corev3.HeaderValue{{Key: "a", Value: "b"}}}
		}),
		"two values": http1(func(h *authv3.AttributeContext_HttpRequest) {
			h.HeaderMap = &corev3.HeaderMap{Headers: []*corev3.HeaderValue{{Key: "authorization", Value: h.Headers["authorization"], RawValue: []byte("x")}}}
			h.Headers = nil
		}),
		"certificate": func(c *authv3.CheckRequest) { c.Attributes.Source.Certificate = "x" },
		"escapes":     func(c *authv3.CheckRequest) { c.Attributes.Source.Certificate = "%zz" },
		"bad certificate": func(c *authv3.CheckRequest) {
			c.Attributes.Source.Certificate = "-----BEGIN CERTIFICATE-----%0AAAAA%0A-----END CERTIFICATE-----%0A"
		},
	} {
		bad := good
		bad.change = change
		if got := r.send(t, bad); got.status == http.StatusOK || reason(got) != gate.ReasonAmbiguous && reason(got) != verify.Malformed {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// Certificates and addresses are those of the connection, not of headers.
func TestHeadersDoNotTellWhoConnects(t *testing.T) {
	r := newRig(t, nil)
	raw := r.Issuer.Issue(verifytest.Token{})
	got := r.send(t, request{method: "GET", path: "/far", headers: append(bearer(raw), [2]string{"x-forwarded-for", "10.0.0.8"}, [2]string{"x-real-ip", "10.0.0.8"})})
	if got.status != http.StatusForbidden {
		t.Errorf("%+v", got)
	}
	got = r.send(t, request{method: "GET", path: "/near", headers: bearer(raw), change: func(c *authv3.CheckRequest) { c.Attributes.Source.Address = nil }})
	if got.status != http.StatusForbidden {
		t.Errorf("an unknown address: %+v", got)
	}
	for _, c := range attack.Controls() {
		if c.Name != "mTLS" {
			continue
		}
		shot := shoot("/invoices/7", c.Make(r.World, attack.Target{Method: "GET", URL: origin + "/invoices/7"}), false)
		shot.headers = append(shot.headers, [2]string{"x-forwarded-client-cert", `Cert="` + question(shot).Attributes.Source.Certificate + `"`})
		if got := r.send(t, shot); got.status != http.StatusOK {
			t.Errorf("with its certificate: %+v", got)
		}
		shot.certificate = nil
		if got := r.send(t, shot); got.status != http.StatusUnauthorized {
			t.Errorf("with a certificate in a header: %+v", got)
		}
	}
}

type broken struct{}

func (broken) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.Path, "/conditions/") {
		panic("secret of the panic")
	}
	return http.DefaultTransport.RoundTrip(r)
}

// A fault of the server is a denial, not an error that Envoy might be told to
// ignore.
func TestPanicIsDenied(t *testing.T) {
	w := attack.NewWorld(t, origin)
	v, err := verify.New(t.Context(), verify.Config{
		Issuer: w.Issuer.URL, Audience: verifytest.DefaultAudience, Client: &http.Client{Transport: broken{}},
		Conditions: func(string) (ramp.UseCondition, error) { return nil, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	var log bytes.Buffer
	lines := logTo(t, &log)
	g, err := gate.New(gate.Config{Verifier: v, Routes: routes, Log: lines})
	if err != nil {
		t.Fatal(err)
	}
	raw := w.Issuer.Issue(verifytest.Token{Conditions: []ramp.ConditionTerms{{Name: "any", Expression: "true"}}})
	got, err := extauthz.New(g).Check(t.Context(), question(request{method: "GET", path: "/invoices/7", headers: bearer(raw)}))
	if err != nil || got.GetDeniedResponse().GetStatus().GetCode() != http.StatusInternalServerError || strings.Contains(got.String(), "secret") {
		t.Errorf("%v, %v", got, err)
	}
	if err := lines.Close(); err != nil || !strings.Contains(log.String(), `"reason":"panic"`) || strings.Contains(log.String(), "secret") {
		t.Errorf("%v: %s", err, log.String())
	}
}

func TestTooLarge(t *testing.T) {
	r := newRig(t, nil)
	_, err := r.Check(t.Context(), question(request{method: "GET", path: "/invoices/7", headers: [][2]string{{"x", strings.Repeat("x", 300<<10)}}}))
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("%v", err)
	}
}

// Whatever is asked, there is an answer, and nothing is accepted that has no
// token and is not public.
func FuzzCheck(f *testing.F) {
	r := newRig(f, nil)
	server := extauthz.New(r.gate)
	f.Add("GET", "/public/x", "payments.internal", "authorization", "Bearer x", "", true)
	f.Add("GET", "/public/../admin/x", "payments.internal", "ramp-subject", "x", "%0A", false)
	f.Fuzz(func(t *testing.T, method, path, host, name, value, certificate string, raw bool) {
		got, err := server.Check(t.Context(), question(request{method: method, path: path, headers: [][2]string{{name, value}}, raw: raw, change: func(c *authv3.CheckRequest) {
			c.Attributes.Request.Http.Host, c.Attributes.Source.Certificate = host, certificate
			delete(c.Attributes.Request.Http.Headers, ":authority")
		}}))
		if err != nil {
			t.Fatal(err)
		}
		if got.GetDeniedResponse() != nil {
			return
		}
		if clean, err := url.PathUnescape(path); err != nil || !strings.HasPrefix(clean, "/public/") || strings.Contains(clean, "..") && strings.Contains(clean, "/../") {
			t.Errorf("%q %q was accepted", method, path)
		}
		for _, h := range got.GetOkResponse().GetHeaders() {
			if h.Header.Key != "ramp-request-id" {
				t.Errorf("nobody became %s %q", h.Header.Key, h.Header.Value)
			}
		}
	})
}
