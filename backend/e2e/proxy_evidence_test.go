package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// A proxy that is told by a reload where to report does so, and what it
// reports shows which scopes nobody uses.
func TestProxyReportsAfterReload(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", fields{"scopes": "invoices:read,invoices:write"})
	payments := r.AppRole("payments", r.Policy("reporter", reporterPolicy))
	sink := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(sink, []byte(payments.Token), 0o600); err != nil {
		t.Fatal(err)
	}
	upstream := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(upstream.Close)
	address := vaulttest.FreeAddress(t)
	config := fmt.Sprintf(`
issuer   = %q
audience = "https://payments.internal"
ingress {
  listen       = %q
  upstream     = %q
  report_every = "500ms"
  route "GET /" {
    scopes = ["invoices:read"]
  }
}`, r.Addr+issuerPath, address, upstream.URL)
	p := startProxy(t, config)
	eventually(t, "the proxy to be ready", p.ready)
	p.write(t, config+fmt.Sprintf("\nvault {\n  address    = %q\n  token_file = %q\n}", r.Addr, sink))
	p.reload(t, "msg=reloaded")

	c := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	req, _ := http.NewRequest(http.MethodGet, "http://"+address+"/", nil)
	req.Header.Set("Authorization", "Bearer "+c.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.Body.Close() != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	eventually(t, "the scope that nobody uses", func() bool {
		said, err := r.Client.Logical().ReadWithData("ramp/report/idle", map[string][]string{"for": {"1s"}})
		if err != nil {
			t.Fatal(err)
		}
		rows, _ := said.Data["idle"].([]any)
		return len(rows) == 1 && fmt.Sprint(rows[0].(fields)["unused_scopes"]) == "[invoices:write]"
	})
}
