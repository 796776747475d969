//go:build bench

package bench

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// startRamp starts `ramp proxy` as users do.
func startRamp(t *testing.T, vault, issuer, service, vaultToken string) *proxyProcess {
	t.Helper()
	dir := t.TempDir()
	ramp := filepath.Join(dir, "ramp")
	if out, err := exec.Command("go", "build", "-o", ramp, "../../cmd/ramp").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	address, admin := vaulttest.FreeAddress(t), vaulttest.FreeAddress(t)
	config := strings.NewReplacer("DIR", dir, "ADDRESS", address, "ADMIN", admin, "SERVICE", service, "ISSUER", issuer, "VAULT", vault).Replace(rampConfig)
	for name, text := range map[string]string{"proxy.hcl": config, "vault-token": vaultToken} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(ramp, "proxy", "-config="+filepath.Join(dir, "proxy.hcl"))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if resp, err := http.Get("http://" + admin + "/readyz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				break
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("ramp proxy does not get ready")
		}
	}
	return &proxyProcess{name: "ramp", address: address, processes: []int{cmd.Process.Pid}}
}

const rampConfig = `
issuer   = "ISSUER"
audience = "https://payments.internal"
vault {
	address    = "VAULT"
	token_file = "DIR/vault-token"
}
ingress {
	listen   = "ADDRESS"
	upstream = "SERVICE"
	route "GET /invoices/{id}" { scopes = ["invoices:read"] }
	route "POST /invoices/{id}" { scopes = ["invoices:read"] }
	access_log {
		path      = "DIR/access.log"
		when_full = "wait"
	}
}
admin { listen = "ADMIN" }
`
