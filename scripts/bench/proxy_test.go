//go:build bench

package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
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
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/accesslog"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/evidence"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

const proxyPath = "/invoices/7"

// TestProxy compares ramp's proxy, which verifies, logs and counts, with a
// bare reverse proxy of the standard library, and with nginx that asks a
// service about each token, as auth_request does: that one verifies as
// strictly, and nginx logs. Each is a process of its own.
func TestProxy(t *testing.T) {
	s := vaulttest.Start(t, vaulttest.WithMount("ramp"))
	caller := set(t, s, 1)
	gateway := s.AppRole("gateway", s.Policy("gateway", `path "ramp/introspect" { capabilities = ["update"] }`))
	issuer := read(t, s.Client, "ramp/config").Data["issuer"].(string)
	answer := strings.Repeat("x", 1024)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) }))
	t.Cleanup(service.Close)
	token := read(t, caller.Client, "ramp/creds/bench-0").Data["token"].(string)
	start := func(kind string) *proxyProcess {
		return startProxy(t, kind, "BENCH_ISSUER="+issuer, "BENCH_SERVICE="+service.URL, "BENCH_TOKEN="+gateway.Client.Token())
	}
	contenders := []*proxyProcess{start("ramp"), start("bare")}
	if _, err := exec.LookPath("nginx"); err != nil {
		fmt.Println("nginx is not installed: no comparison with auth_request")
	} else {
		contenders = append(contenders, startNginx(t, "nginx, introspection", service.URL, start("introspect")), startNginx(t, "nginx, ramp's library", service.URL, start("library")))
	}
	for _, c := range contenders {
		mustAnswer(t, c.address, token, 200)
		if c.name != "bare" {
			mustAnswer(t, c.address, "", 401)
			mustAnswer(t, c.address, token[:len(token)-4], 401)
		}
	}
	fmt.Printf("\nRequests per second through a proxy, answers of %d bytes, HTTP/1.1 keep-alive, log on, %d rounds of %s; CPU of all proxy processes per request\n", len(answer), rounds, window)
	for _, clients := range clientCounts {
		rates, tails, costs := make([][]float64, len(contenders)), make([][]float64, len(contenders)), make([][]float64, len(contenders))
		for round := range rounds {
			for k := range contenders {
				n := (k + round) % len(contenders)
				before := contenders[n].spent()
				rate, p99 := fetchLoad(t, contenders[n].address, token, clients)
				cost := float64((contenders[n].spent() - before).Microseconds()) / (rate * window.Seconds())
				rates[n], tails[n], costs[n] = append(rates[n], rate), append(tails[n], p99), append(costs[n], cost)
			}
		}
		for n, c := range contenders {
			fmt.Printf("  c=%-3d %-21s %7.0f/s  p99 %6.0f µs  CPU %4.0f µs", clients, c.name, median(rates[n]), median(tails[n]), median(costs[n]))
			if n > 0 {
				fmt.Printf("   ramp is %.2f× (p99 %+.0f µs, CPU %.2f×)", ratio(rates[0], rates[n]), median(tails[0])-median(tails[n]), ratio(costs[0], costs[n]))
			}
			fmt.Println()
		}
	}
}

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
		"ramp": func() http.Handler { return rampProxy(t, v, service) },
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

func rampProxy(t *testing.T, v *verify.Verifier, service string) http.Handler {
	file, err := accesslog.OpenFile(filepath.Join(t.TempDir(), "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	log := accesslog.New(accesslog.Config{Writer: file, Block: true})
	var counts evidence.Counter
	p, err := proxy.New(proxy.Config{
		Gate: gate.Config{
			Verifier: v, Log: log, Evidence: &counts, Metrics: gate.NewMetrics(log, &counts),
			Routes: []gate.Route{{Pattern: "GET /invoices/{id}", Scopes: []string{"invoices:read"}}, {Pattern: "POST /invoices/{id}", Scopes: []string{"invoices:write"}}},
		},
		Upstream: proxy.Upstream{URL: service},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
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
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
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
