//go:build bench

package bench

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// authorizer is what nginx asks.
func authorizer(accept func(*http.Request) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !accept(r) {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
}

// introspect asks the issuer about each token (RFC 7662): what it takes to hear
// of a revocation at once without following the feed.
func introspect(issuer, vaultToken string) func(*http.Request) bool {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	return func(r *http.Request) bool {
		raw, need, err := verify.FromRequest(r, "")
		if err != nil || len(need.Proof.DPoP) > 0 {
			return false
		}
		req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, issuer+"/introspect", strings.NewReader(`{"token":"`+raw+`"}`))
		if err != nil {
			return false
		}
		req.Header.Set("X-Vault-Token", vaultToken)
		resp, err := client.Do(req)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		var answer struct {
			Active     bool
			Aud, Scope string
		}
		err = json.NewDecoder(resp.Body).Decode(&answer)
		return err == nil && answer.Active && answer.Aud == verifytest.DefaultAudience && slices.Contains(strings.Fields(answer.Scope), "invoices:read")
	}
}

func startNginx(t *testing.T, name, service string, auth *proxyProcess) *proxyProcess {
	address := vaulttest.FreeAddress(t)
	dir := t.TempDir()
	config := strings.NewReplacer("DIR", dir, "ADDRESS", address, "SERVICE", strings.TrimPrefix(service, "http://"), "AUTH", auth.address).Replace(nginxConfig)
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	nginx := exec.Command("nginx", "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", filepath.Join(dir, "error.log"))
	nginx.Stderr = os.Stderr
	if err := nginx.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = nginx.Process.Signal(os.Interrupt)
		_ = nginx.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	p := &proxyProcess{name: name, address: address, processes: auth.processes}
	workers, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", nginx.Process.Pid, nginx.Process.Pid))
	for worker := range strings.FieldsSeq(string(workers)) {
		id, _ := strconv.Atoi(worker)
		p.processes = append(p.processes, id)
	}
	return p
}

const nginxConfig = `
daemon off;
pid DIR/pid;
worker_processes auto;
events { worker_connections 1024; }
http {
	access_log DIR/access.log combined buffer=64k flush=1s;
	client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/f; uwsgi_temp_path DIR/u; scgi_temp_path DIR/s;
	keepalive_requests 1000000000;
	upstream service { server SERVICE; keepalive 256; keepalive_requests 1000000000; }
	upstream auth { server AUTH; keepalive 256; keepalive_requests 1000000000; }
	server {
		listen ADDRESS;
		location / {
			auth_request /auth;
			proxy_pass http://service;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
		}
		location = /auth {
			internal;
			proxy_pass http://auth;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_pass_request_body off;
			proxy_set_header Content-Length "";
		}
	}
}
`
