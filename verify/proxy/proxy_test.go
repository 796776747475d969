package proxy_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// seen is what echo says.
type seen struct {
	Method, Target, Host string
	Header               http.Header
	Trailer              http.Header
}

func parse(t testing.TB, body string) seen {
	t.Helper()
	var s seen
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return s
}

func TestStory(t *testing.T) {
	r := newRig(t, echo, nil)
	token := r.reader()
	resp, body := r.do("GET", "/invoices/7?q=1", token, "X-Forwarded-For", "9.9.9.9", "Ramp-Subject", "root", "Connection", "X-Own, Ramp-Caller", "X-Own", "1")
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status, body)
	}
	got := parse(t, body)
	for name, want := range map[string]string{
		"Ramp-Subject": "spiffe://example.com/entity/e-orders", "Ramp-Caller": "e-orders", "Ramp-Contract": "orders", "Ramp-Contract-Id": "orders",
		"Ramp-Scopes": "invoices:read", "Ramp-Stage": "canary", "Ramp-Generation": "v7", "Ramp-Revision": "r1", "Ramp-Token-Id": "orders.0",
		"Ramp-Request-Id": resp.Header.Get("Ramp-Request-Id"), "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http",
		"Authorization": "", "X-Own": "", "Connection": "",
	} {
		if strings.Join(got.Header[name], "|") != want {
			t.Errorf("%s: %q, want %q", name, got.Header[name], want)
		}
	}
	e := r.entry(resp)
	if e.Outcome != "accepted" || e.Route != "GET /invoices/{id}" || e.Status != 200 || e.Sent != int64(len(body)) || e.Caller != "e-orders" || e.Query != "" || e.Path != "/invoices/7" || e.TokenID != "orders.0" {
		t.Errorf("%+v", e)
	}
	if strings.Contains(r.lines.String(), token[:20]) {
		t.Error("the log has the token")
	}
}

func TestRefusals(t *testing.T) {
	r := newRig(t, func(http.ResponseWriter, *http.Request) { t.Error("a refused request reached the service") }, nil)
	token := r.reader()
	other := r.issuer.Issue(verifytest.Token{Audience: "https://other.internal", Scopes: []string{"invoices:read"}})
	for _, c := range []struct {
		method, path, token string
		status              int
		reason              string
	}{
		{"GET", "/invoices/7", "", 401, "missing"},
		{"GET", "/invoices/7", "rubbish", 401, "malformed"},
		{"GET", "/invoices/7", other, 401, "audience"},
		{"POST", "/invoices/7", token, 403, "scope"},
		{"DELETE", "/invoices/7", token, 405, "method"},
		{"GET", "/invoices/7/lines", token, 404, "no_route"},
		{"GET", "/invoices", token, 404, "no_route"},
		{"GET", "/admin", token, 404, "no_route"},
		{"GET", "/admin/x", token, 403, "scope"},
		{"GET", "/tenants/e-other/x", token, 403, "route_condition"},
		{"GET", "//invoices/7", token, 400, "ambiguous"},
		{"TRACE", "/open/", token, 400, "ambiguous"},
	} {
		resp, body := r.do(c.method, c.path, c.token)
		if resp.StatusCode != c.status || !strings.Contains(body, "("+c.reason+")") {
			t.Errorf("%s %s: %s %q, want %d %s", c.method, c.path, resp.Status, body, c.status, c.reason)
		}
		if (resp.StatusCode == 401) != strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), "Bearer") && c.reason != "scope" {
			t.Errorf("%s: challenge %q", c.path, resp.Header.Get("WWW-Authenticate"))
		}
		if e := r.entry(resp); e.Outcome != "refused" || e.Reason != c.reason || e.Status != c.status || e.Message == "" {
			t.Errorf("%+v", e)
		}
	}
}

func TestUpstreamFailures(t *testing.T) {
	r := newRig(t, func(_ http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, nil)
	resp, body := r.do("GET", "/open/", "")
	if e := r.entry(resp); resp.StatusCode != 502 || strings.Contains(body, "EOF") || e.Reason != proxy.ReasonUpstream || e.Outcome != "failed" {
		t.Errorf("%s %s %+v", resp.Status, body, e)
	}
	broken := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half an answer"))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}, nil)
	resp, _ = broken.do("GET", "/open/", "")
	if e := broken.entry(resp); e.Reason != proxy.ReasonBrokenOff || e.Status != 200 || e.Sent != 14 {
		t.Errorf("%+v", e)
	}
	slow := newRig(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, func(c *proxy.Config) { c.Upstream.Timeout = 50 * time.Millisecond })
	if resp, _ := slow.do("GET", "/open/", ""); resp.StatusCode != 504 || slow.entry(resp).Reason != proxy.ReasonTimeout {
		t.Error(resp.Status)
	}
	r.service.Close()
	if resp, body := r.do("GET", "/open/", ""); resp.StatusCode != 502 || strings.Contains(body, "127.0.0.1") {
		t.Errorf("%s %s", resp.Status, body)
	}
}

// An answer without a type stays one: a guess could turn text into a page.
func TestNoTypeIsMadeUp(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = io.WriteString(w, "<html><script>alert(1)</script>")
	}, nil)
	for _, http1 := range []bool{true, false} {
		transport := &http.Transport{Protocols: protocols(http1)}
		t.Cleanup(transport.CloseIdleConnections)
		req, _ := http.NewRequestWithContext(t.Context(), "GET", r.server.URL+"/open/x", nil)
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if kind := resp.Header["Content-Type"]; kind != nil {
			t.Errorf("%s: %q", resp.Proto, kind)
		}
	}
}
