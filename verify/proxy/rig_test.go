package proxy_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/condition"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/accesslog"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/evidence"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// rig is an issuer, a service and a proxy between.
type rig struct {
	testing.TB
	issuer   *verifytest.Issuer
	service  *httptest.Server
	proxy    *proxy.Proxy
	server   *httptest.Server
	config   proxy.Config
	log      *accesslog.Log
	lines    buffer
	evidence evidence.Counter
	metrics  *gate.Metrics
}

func standardRoutes() []gate.Route {
	return []gate.Route{
		{Pattern: "GET /invoices/{id}", Scopes: []string{"invoices:read"}},
		{Pattern: "POST /invoices/{id}", Scopes: []string{"invoices:write"}},
		{Pattern: "/admin/", Scopes: []string{"admin"}},
		{Pattern: "GET /tenants/{tenant}/{rest...}", Scopes: []string{"invoices:read"}, Condition: `path.tenant == identity.caller`},
		{Pattern: "/open/", Public: true},
		{Pattern: "/stream/", Scopes: []string{"invoices:read"}},
	}
}

// newRig starts one. The service runs handle; change may be nil.
func newRig(t testing.TB, handle http.HandlerFunc, change func(*proxy.Config)) *rig {
	t.Helper()
	return newRigOf(t, verifytest.New(t), handle, change)
}

func newRigOf(t testing.TB, issuer *verifytest.Issuer, handle http.HandlerFunc, change func(*proxy.Config)) *rig {
	t.Helper()
	r := &rig{TB: t, issuer: issuer}
	r.service = httptest.NewUnstartedServer(handle)
	r.service.Config.Protocols = new(http.Protocols)
	r.service.Config.Protocols.SetHTTP1(true)
	r.service.Config.Protocols.SetUnencryptedHTTP2(true)
	r.service.Start()
	t.Cleanup(r.service.Close)
	verifier, err := verify.New(t.Context(), verify.Config{
		Issuer: r.issuer.URL, Audience: verifytest.DefaultAudience, Conditions: condition.NewUseCompiler().Compile,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(verifier.Close)
	r.log = accesslog.New(accesslog.Config{Writer: &r.lines})
	r.metrics = gate.NewMetrics(r.log, &r.evidence)
	r.config = proxy.Config{
		Gate:     gate.Config{Verifier: verifier, Routes: standardRoutes(), Log: r.log, Evidence: &r.evidence, Metrics: r.metrics},
		Upstream: proxy.Upstream{URL: r.service.URL},
	}
	if change != nil {
		change(&r.config)
	}
	if r.proxy, err = proxy.New(r.config); err != nil {
		t.Fatal(err)
	}
	r.server = httptest.NewUnstartedServer(r.proxy)
	r.server.Config.Protocols = r.service.Config.Protocols
	r.server.Start()
	t.Cleanup(r.server.Close)
	return r
}

// reader is a token with scope invoices:read.
func (r *rig) reader() string {
	return r.issuer.Issue(verifytest.Token{Scopes: []string{"invoices:read"}, Stage: "canary", Generation: "v7"})
}

// reply is an answer, without its body.
type reply struct {
	StatusCode int
	Status     string
	Header     http.Header
}

// do sends a request with a token, "" for none.
func (r *rig) do(method, path, token string, headers ...string) (*reply, string) {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), method, r.server.URL+path, nil)
	if err != nil {
		r.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header[headers[i]] = append(req.Header[headers[i]], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		r.Fatal(err)
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	_, _ = body.ReadFrom(resp.Body)
	return &reply{resp.StatusCode, resp.Status, resp.Header}, body.String()
}

// entry waits for the log entry of an answer.
func (r *rig) entry(resp *reply) accesslog.Entry {
	r.Helper()
	id := resp.Header.Get("Ramp-Request-Id")
	var found accesslog.Entry
	eventually(r, "the log entry of "+id, func() bool {
		for line := range strings.Lines(r.lines.String()) {
			var e accesslog.Entry
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				r.Fatalf("%s: %v", line, err)
			}
			if e.ID == id && id != "" {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

// buffer is safe for concurrent use.
type buffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 30 s for %s", what)
		}
	}
}

// echo answers with what reached the service.
func echo(w http.ResponseWriter, r *http.Request) {
	_ = json.NewEncoder(w).Encode(map[string]any{"method": r.Method, "target": r.RequestURI, "host": r.Host, "header": r.Header, "trailer": r.Trailer})
}
