package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// TestShutdownDelay: after SIGTERM the proxy is not ready and serves on, but
// keeps no connection; the second SIGTERM ends that, and the requests that are
// open still end well.
func TestShutdownDelay(t *testing.T) {
	arrived, release := make(chan struct{}, 1), make(chan struct{})
	service := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			arrived <- struct{}{}
			<-release
		}
	}))
	t.Cleanup(service.Close)
	in, admin, config := vaulttest.FreeAddress(t), vaulttest.FreeAddress(t), filepath.Join(t.TempDir(), "proxy.hcl")
	write(t, filepath.Dir(config), "proxy.hcl", fmt.Sprintf(`issuer = %q
audience       = "https://payments.internal"
shutdown_delay = "1h"
ingress {
  listen   = %q
  upstream = %q
  route "/" { public = true }
}
admin { listen = %q }
`, verifytest.New(t).URL, in, service.URL, admin))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	proxy := exec.Command(self)
	proxy.Args, proxy.Stderr = []string{"ramp", "proxy", "-config=" + config}, &said
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Process.Kill() })
	status := func(url string) int {
		resp, err := http.Get("http://" + url)
		if err != nil {
			return 0
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	until := func(url string, want int) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); status(url) != want; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s never answers %d", url, want)
			}
		}
	}
	until(admin+"/readyz", http.StatusOK)
	slow := make(chan int)
	go func() { slow <- status(in + "/slow") }()
	<-arrived

	_ = proxy.Process.Signal(syscall.SIGTERM)
	until(admin+"/readyz", http.StatusServiceUnavailable)
	resp, err := http.Get("http://" + in + "/x")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !resp.Close {
		t.Errorf("a new request is answered %s, and its connection kept: %t", resp.Status, !resp.Close)
	}
	_ = proxy.Process.Signal(syscall.SIGTERM)
	until(in+"/x", 0)
	close(release)
	if got := <-slow; got != http.StatusOK {
		t.Errorf("the open request is answered %d", got)
	}
	if err := proxy.Wait(); err != nil {
		t.Errorf("%v\n%s", err, &said)
	}
}
