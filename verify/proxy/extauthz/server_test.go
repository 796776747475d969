package extauthz_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/accesslog"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

func TestStory(t *testing.T) {
	var log bytes.Buffer
	lines := logTo(t, &log)
	r := newRig(t, func(_ *verify.Config, c *gate.Config) { c.Log = lines })
	raw := r.Issuer.Issue(verifytest.Token{Scopes: []string{"invoices:read"}, Stage: "canary"})
	for _, form := range []bool{false, true} {
		got := r.send(t, request{method: "GET", path: "/invoices/7?x=1", headers: append(bearer(raw), [2]string{"accept", "*/*"}), raw: form})
		if got.status != http.StatusOK || len(got.named("authorization")) != 0 || len(got.named("accept")) != 1 {
			t.Fatalf("%+v", got)
		}
		for name, want := range map[string]string{"ramp-caller": "e-orders", "ramp-contract": "orders", "ramp-stage": "canary", "ramp-scopes": "invoices:read"} {
			if values := got.named(name); len(values) != 1 || values[0] != want {
				t.Errorf("%s: %q", name, values)
			}
		}
		for path, want := range map[string]int{"/near": 200, "/far": 403, "/nowhere": 404, "/admin/x": 403, "/public/x": 200} {
			if got := r.send(t, request{method: "GET", path: path, headers: bearer(raw), raw: form}); got.status != want {
				t.Errorf("%s: %+v", path, got)
			}
		}
		got = r.send(t, request{method: "GET", path: "/invoices/7", raw: form})
		if got.status != http.StatusUnauthorized || got.named("www-authenticate")[0] != "Bearer" || got.named("cache-control")[0] != "no-store" || !strings.Contains(got.body, "(missing)") {
			t.Errorf("%+v", got)
		}
		if got := r.send(t, request{method: "DELETE", path: "/invoices", headers: bearer(raw), raw: form}); got.status != http.StatusMethodNotAllowed || got.named("allow")[0] != "POST" {
			t.Errorf("%+v", got)
		}
	}
	r.Issuer.Revoke(raw)
	var got answer
	eventually(t, "the revocation", func() bool {
		got = r.send(t, request{method: "GET", path: "/invoices/7", headers: bearer(raw)})
		return got.status == http.StatusUnauthorized
	})
	if !strings.Contains(got.body, "(revoked)") || !strings.Contains(got.named("www-authenticate")[0], `error="invalid_token"`) || len(got.named("ramp-request-id")) != 1 {
		t.Errorf("%+v", got)
	}
	if err := lines.Close(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(log.String(), raw) {
		t.Error("the token is in the log")
	}
	first, _, _ := strings.Cut(log.String(), "\n")
	var e accesslog.Entry
	if err := json.Unmarshal([]byte(first), &e); err != nil || e.Outcome != accesslog.Accepted || e.Caller != "e-orders" || e.RemoteAddr != "10.0.0.7:41234" || e.Route != "GET /invoices/{id}" || e.Path != "/invoices/7" {
		t.Errorf("%v: %s", err, first)
	}
}

func TestForwardToken(t *testing.T) {
	r := newRig(t, func(_ *verify.Config, c *gate.Config) { c.ForwardToken = true })
	raw := r.Issuer.Issue(verifytest.Token{})
	if got := r.send(t, request{method: "GET", path: "/invoices/7", headers: bearer(raw)}); len(got.named("authorization")) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestHealth(t *testing.T) {
	r := newRig(t, func(c *verify.Config, _ *gate.Config) { c.MaxStaleness = 2 * time.Second })
	client := grpc_health_v1.NewHealthClient(r.conn)
	ask := func(service string) (grpc_health_v1.HealthCheckResponse_ServingStatus, error) {
		answer, err := client.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: service})
		return answer.GetStatus(), err
	}
	for _, service := range []string{"", "envoy.service.auth.v3.Authorization"} {
		eventually(t, "good health", func() bool {
			got, err := ask(service)
			return err == nil && got == grpc_health_v1.HealthCheckResponse_SERVING
		})
	}
	if _, err := ask("other"); status.Code(err) != codes.NotFound {
		t.Errorf("%v", err)
	}
	raw := r.Issuer.Issue(verifytest.Token{})
	r.Issuer.SetDown(true)
	eventually(t, "bad health", func() bool { got, _ := ask(""); return got == grpc_health_v1.HealthCheckResponse_NOT_SERVING })
	got := r.send(t, request{method: "GET", path: "/invoices/7", headers: bearer(raw)})
	if got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, "(stale)") {
		t.Errorf("%+v", got)
	}
}
