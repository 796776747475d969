//go:build bench

package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// proxyProcess is a contender.
type proxyProcess struct {
	name, address string
	processes     []int
}

// startProxy starts this program again, as a proxy.
func startProxy(t *testing.T, name string, environment ...string) *proxyProcess {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestProxyProcess$")
	cmd.Env = append(append(os.Environ(), "BENCH_PROXY="+name), environment...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cmd.StdinPipe(); err != nil { // its end ends the process
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	p := &proxyProcess{name: name, processes: []int{cmd.Process.Pid}}
	if _, err := fmt.Fscanln(out, &p.address); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestProxyProcess is the other process.
func TestProxyProcess(t *testing.T) {
	kind, service := os.Getenv("BENCH_PROXY"), os.Getenv("BENCH_SERVICE")
	if kind == "" {
		t.Skip("it is started by TestProxy")
	}
	v, err := verify.New(t.Context(), verify.Config{Issuer: os.Getenv("BENCH_ISSUER"), Audience: verifytest.DefaultAudience})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	handlers := map[string]func() http.Handler{
		"bare": func() http.Handler { return bareProxy(t, service) },
		"library": func() http.Handler {
			return authorizer(func(r *http.Request) bool { _, err := v.VerifyRequest(r, "invoices:read"); return err == nil })
		},
		"introspect": func() http.Handler {
			return authorizer(introspect(os.Getenv("BENCH_ISSUER"), os.Getenv("BENCH_TOKEN")))
		},
	}
	l := proxy.Listener{Address: "127.0.0.1:0"}
	socket, err := l.Listen()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(socket.Addr())
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	if err := l.Serve(ctx, socket, handlers[kind]()); err != nil {
		t.Error(err)
	}
}

func bareProxy(t *testing.T, service string) http.Handler {
	target, err := url.Parse(service)
	if err != nil {
		t.Fatal(err)
	}
	return &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target); r.SetXForwarded() },
		Transport: &http.Transport{MaxIdleConnsPerHost: 1024, DisableCompression: true},
	}
}
