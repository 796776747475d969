package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// Proxies start while Vault is down, refuse, and serve as soon as it is there.
// From then on a Vault that restarts fails no request.
func TestProxiesWithoutVault(t *testing.T) {
	t.Parallel()
	r := newRig(t, vaulttest.WithRaft())
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	dir := t.TempDir()
	for name, text := range map[string]string{"role-id": r.orders.RoleID, "secret-id": r.orders.SecretID} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	upstream := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(upstream.Close)
	ingress, egress := vaulttest.FreeAddress(t), "unix:"+filepath.Join(dir, "payments.sock")
	r.Kill()
	p := startProxy(t, fmt.Sprintf(`
issuer   = %q
audience = "https://payments.internal"
vault {
  address = %q
  auth "approle" {
    role_id_file   = "%s/role-id"
    secret_id_file = "%[3]s/secret-id"
  }
}
ingress {
  listen       = %q
  upstream     = %q
  report_every = "0s"
  route "GET /" {
    scopes = ["invoices:read"]
  }
}
egress "payments" {
  listen   = %q
  upstream = "http://%[4]s"
  role     = "orders-to-payments"
  proof    = "dpop"
}`, r.Addr+issuerPath, r.Addr, dir, ingress, upstream.URL, egress))

	client := &http.Client{Timeout: patience, Transport: unixTransport(strings.TrimPrefix(egress, "unix:"))}
	f := newFlow("orders", http.MethodGet, "http://localhost/invoices/7", "")
	eventually(t, "the egress to refuse", func() bool {
		said := f.try(client)
		return strings.HasPrefix(said, "503 ") && strings.Contains(said, "not logged in to Vault")
	})
	entrance := newFlow("anybody", http.MethodGet, "http://"+ingress+"/invoices/7", "")
	eventually(t, "the ingress to refuse", func() bool {
		said := entrance.try(http.DefaultClient)
		return strings.HasPrefix(said, "503 ") && strings.Contains(said, "(stale)")
	})
	if p.ready() {
		t.Error("the proxy calls itself ready")
	}
	r.Restart()
	eventually(t, "the proxy to be ready", p.ready)
	if said := f.try(client); said != "200" {
		t.Fatal(said)
	}

	ctx, stop := context.WithCancel(t.Context())
	var flowing sync.WaitGroup
	flowing.Go(func() { f.run(ctx, client, 20*time.Millisecond) })
	f.passes(t, 20)
	r.Restart()
	f.passes(t, 50)
	stop()
	flowing.Wait()
	f.report(t)
}
