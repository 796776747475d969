//go:build bench

package bench

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
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
