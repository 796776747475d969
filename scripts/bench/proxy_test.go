//go:build bench

package bench

import (
	"bufio"
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
	"strings"
	"sync"
	"testing"
	"time"

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
// strictly, and nginx logs.
func TestProxy(t *testing.T) {
	i := verifytest.New(t)
	v, err := verify.New(t.Context(), verify.Config{Issuer: i.URL, Audience: verifytest.DefaultAudience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	answer := strings.Repeat("x", 1024)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) }))
	t.Cleanup(service.Close)
	token := i.Issue(verifytest.Token{Scopes: []string{"invoices:read"}})
	contenders := []struct{ name, address string }{
		{"ramp proxy", rampProxy(t, v, service.URL)},
		{"httputil.ReverseProxy", bareProxy(t, service.URL)},
	}
	if address := nginxProxy(t, v, service.URL); address != "" {
		contenders = append(contenders, struct{ name, address string }{"nginx auth_request", address})
	}
	for _, c := range contenders[:1] {
		mustAnswer(t, c.address, "", 401)
	}
	for _, c := range contenders {
		mustAnswer(t, c.address, token, 200)
	}
	fmt.Printf("\nRequests per second through a proxy, answers of %d bytes, HTTP/1.1 keep-alive, log on, %d rounds of %s\n", len(answer), rounds, window)
	for _, clients := range clientCounts {
		rates, tails := make([][]float64, len(contenders)), make([][]float64, len(contenders))
		for round := range rounds {
			for k := range contenders {
				n := (k + round) % len(contenders)
				rate, p99 := fetchLoad(t, contenders[n].address, token, clients)
				rates[n], tails[n] = append(rates[n], rate), append(tails[n], p99)
			}
		}
		for n, c := range contenders {
			fmt.Printf("  c=%-3d %-22s %7.0f/s  p99 %6.0f µs", clients, c.name, median(rates[n]), median(tails[n]))
			if n > 0 {
				fmt.Printf("   ramp is %.2f× (p99 %+.0f µs)", ratio(rates[0], rates[n]), median(tails[0])-median(tails[n]))
			}
			fmt.Println()
		}
	}
}

func rampProxy(t *testing.T, v *verify.Verifier, service string) string {
	file, err := accesslog.OpenFile(filepath.Join(t.TempDir(), "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	log := accesslog.New(accesslog.Config{Writer: file})
	t.Cleanup(func() {
		fmt.Printf("  log: %d entries, %d dropped\n", log.Written(), log.Dropped())
		_ = log.Close()
	})
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
	return serve(t, p)
}

func serve(t *testing.T, h http.Handler) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func bareProxy(t *testing.T, service string) string {
	target, err := url.Parse(service)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target); r.SetXForwarded() },
		Transport: &http.Transport{MaxIdleConnsPerHost: 1024, DisableCompression: true},
	})
}

// nginxProxy is "" where nginx is not installed.
func nginxProxy(t *testing.T, v *verify.Verifier, service string) string {
	binary, err := exec.LookPath("nginx")
	if err != nil {
		fmt.Println("nginx is not installed: no comparison with auth_request")
		return ""
	}
	auth := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := v.VerifyRequest(r, "invoices:read"); err != nil {
			verify.RefusalOf(err).WriteHTTP(w)
		}
	}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	dir := t.TempDir()
	config := strings.NewReplacer("DIR", dir, "ADDRESS", address, "SERVICE", strings.TrimPrefix(service, "http://"), "AUTH", auth).Replace(nginxConfig)
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	nginx := exec.Command(binary, "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", filepath.Join(dir, "error.log"))
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
			return address
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
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

func mustAnswer(t *testing.T, address, token string, status int) {
	t.Helper()
	req, _ := http.NewRequest("GET", "http://"+address+proxyPath, nil)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != status {
		t.Fatalf("%s answers %s, want %d", address, resp.Status, status)
	}
}

// fetchLoad asks as fast as it is answered, over one connection per client,
// with as little of its own to do as possible. Latencies are in microseconds.
func fetchLoad(t *testing.T, address, token string, clients int) (rate, p99 float64) {
	t.Helper()
	request := []byte("GET " + proxyPath + " HTTP/1.1\r\nHost: payments.internal\r\nUser-Agent: bench\r\nAccept: */*\r\nAuthorization: Bearer " + token + "\r\n\r\n")
	end := time.Now().Add(window)
	var mu sync.Mutex
	var wait sync.WaitGroup
	var latencies []float64
	for range clients {
		wait.Go(func() {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			answers := bufio.NewReader(conn)
			var mine []float64
			for {
				start := time.Now()
				if start.After(end) {
					break
				}
				_, _ = conn.Write(request)
				resp, err := http.ReadResponse(answers, nil)
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Errorf("%v %v", resp, err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				mine = append(mine, float64(time.Since(start).Nanoseconds())/1000)
			}
			mu.Lock()
			defer mu.Unlock()
			latencies = append(latencies, mine...)
		})
	}
	wait.Wait()
	slices.Sort(latencies)
	return float64(len(latencies)) / window.Seconds(), latencies[len(latencies)*99/100]
}
