package daemon

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// What is refused before the issuer was reached is in the log and in the
// metrics, like all else.
func TestRefusedBeforeTheIssuerIsReached(t *testing.T) {
	in, admin, accesses := vaulttest.FreeAddress(t), vaulttest.FreeAddress(t), filepath.Join(t.TempDir(), "access.log")
	run(t, fmt.Sprintf("issuer = \"http://%s/v1/ramp\"\naudience = \"https://payments.internal\"\n%sadmin {\n  listen = %q\n}\n",
		vaulttest.FreeAddress(t), strings.Replace(ingress(route+fmt.Sprintf("access_log {\n path = %q\n}\n", accesses)), "127.0.0.1:8443", in, 1), admin))
	resp := get(t, "http://"+in+"/x?token=secret", "")
	if resp.code != http.StatusServiceUnavailable || resp.header.Get("Retry-After") == "" || resp.header.Get("Ramp-Request-Id") == "" {
		t.Errorf("answered %+v", resp)
	}
	eventually(t, func() error {
		text, _ := os.ReadFile(accesses)
		for _, want := range []string{resp.header.Get("Ramp-Request-Id"), `"path":"/x","status":503`, `"outcome":"refused","reason":"stale","message":"the issuer has not been reached yet"`} {
			if !strings.Contains(string(text), want) || strings.Contains(string(text), "secret") {
				return fmt.Errorf("the log has %q, want %s", text, want)
			}
		}
		return nil
	})
	want := `ramp_requests_total{code="5xx",outcome="refused",reason="stale",route="none"} 1`
	if said := get(t, "http://"+admin+"/metrics", ""); !strings.Contains(said.body, want) {
		t.Errorf("the metrics lack %s:\n%s", want, said.body)
	}
}

// Envoy is told so, too: it is not left to wait.
func TestEnvoyAsksBeforeTheIssuerIsReached(t *testing.T) {
	envoy, accesses := vaulttest.FreeAddress(t), filepath.Join(t.TempDir(), "access.log")
	run(t, fmt.Sprintf("issuer = \"http://%s/v1/ramp\"\naudience = \"https://payments.internal\"\ningress {\n%saccess_log {\n path = %q\n}\n}\next_authz {\n  listen = %q\n}\n",
		vaulttest.FreeAddress(t), route, accesses, envoy))
	conn, err := grpc.NewClient(envoy, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	eventually(t, func() error {
		h, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
		if err == nil && h.GetStatus() != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
			t.Errorf("the health is %s", h.GetStatus())
		}
		return err
	})
	said, err := authv3.NewAuthorizationClient(conn).Check(t.Context(), &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Method: "GET", Path: "/x", Host: "payments.internal", Protocol: "HTTP/1.1", HeaderMap: &corev3.HeaderMap{},
		}},
	}})
	if err != nil || said.GetDeniedResponse().GetStatus().GetCode() != typev3.StatusCode_ServiceUnavailable {
		t.Errorf("%v, %v", said, err)
	}
	eventually(t, func() error {
		if text, _ := os.ReadFile(accesses); !strings.Contains(string(text), `"path":"/x","status":503`) {
			return fmt.Errorf("the log has %q", text)
		}
		return nil
	})
}

type answer struct {
	code   int
	header http.Header
	body   string
}

// get asks until something answers.
func get(t *testing.T, url, token string) (a answer) {
	t.Helper()
	eventually(t, func() error {
		r, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		a = answer{resp.StatusCode, resp.Header, string(text)}
		return err
	})
	return a
}

func eventually(t *testing.T, try func() error) {
	t.Helper()
	err := try()
	for deadline := time.Now().Add(time.Minute); err != nil && time.Now().Before(deadline); err = try() {
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
}
