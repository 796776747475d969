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
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

const proxyPath = "/invoices/7"

// traffic is what is asked of a proxy.
type traffic struct {
	name    string
	method  string
	body    int // bytes
	clients int
	pace    time.Duration // between two requests of a client; 0 is as fast as they are answered
}

// TestProxy compares `ramp proxy`, which verifies, logs and counts, with a
// bare reverse proxy of the standard library, and with nginx that asks a
// service about each token, as auth_request does: that one verifies as
// strictly, and nginx logs. Each is a process of its own.
func TestProxy(t *testing.T) {
	s := vaulttest.Start(t, vaulttest.WithMount("ramp"))
	caller := set(t, s, 1)
	gateway := s.AppRole("gateway", s.Policy("gateway", `path "ramp/introspect" { capabilities = ["update"] } path "ramp/evidence/*" { capabilities = ["update"] }`))
	issuer := read(t, s.Client, "ramp/config").Data["issuer"].(string)
	answer := strings.Repeat("x", 1024)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(service.Close)
	token := read(t, caller.Client, "ramp/creds/bench-0").Data["token"].(string)
	start := func(kind string, environment ...string) *proxyProcess {
		return startProxy(t, kind, append(environment, "BENCH_ISSUER="+issuer, "BENCH_SERVICE="+service.URL, "BENCH_TOKEN="+gateway.Client.Token())...)
	}
	tuned := start("bare", "GOGC=400")
	tuned.name = "bare, GOGC=400"
	contenders := []*proxyProcess{startRamp(t, s.Addr, issuer, service.URL, gateway.Client.Token()), start("bare"), tuned}
	if _, err := exec.LookPath("nginx"); err != nil {
		fmt.Println("nginx is not installed: no comparison with auth_request")
	} else {
		contenders = append(contenders, startNginx(t, "nginx, introspection", service.URL, start("introspect")), startNginx(t, "nginx, ramp's library", service.URL, start("library")))
	}
	for _, c := range contenders {
		mustAnswer(t, c.address, token, 200)
		if !strings.HasPrefix(c.name, "bare") {
			mustAnswer(t, c.address, "", 401)
			mustAnswer(t, c.address, token[:len(token)-4], 401)
		}
	}
	fmt.Printf("\nA proxy, answers of %d bytes, HTTP/1.1 keep-alive, log on, %d rounds of %s; CPU of all proxy processes per request\n", len(answer), rounds, window)
	for _, clients := range clientCounts {
		compareProxies(t, contenders, token, traffic{name: "GET", method: "GET", clients: clients})
	}
	compareProxies(t, contenders, token, traffic{name: "POST 1 KiB", method: "POST", body: 1024, clients: 8})
	compareProxies(t, contenders[:3], token, traffic{name: "POST 1 MiB", method: "POST", body: 1 << 20, clients: 8})
	compareProxies(t, contenders, token, traffic{name: "GET, 2,000/s", method: "GET", clients: 8, pace: 4 * time.Millisecond})
}

func compareProxies(t *testing.T, contenders []*proxyProcess, token string, l traffic) {
	t.Helper()
	type column [][]float64
	rates, middles, tails, costs := make(column, len(contenders)), make(column, len(contenders)), make(column, len(contenders)), make(column, len(contenders))
	for round := range rounds {
		for k := range contenders {
			n := (k + round) % len(contenders)
			before := contenders[n].spent()
			rate, p50, p99 := l.run(t, contenders[n].address, token)
			cost := float64((contenders[n].spent() - before).Microseconds()) / (rate * window.Seconds())
			rates[n], middles[n], tails[n], costs[n] = append(rates[n], rate), append(middles[n], p50), append(tails[n], p99), append(costs[n], cost)
		}
	}
	for n, c := range contenders {
		fmt.Printf("  %-12s c=%-3d %-21s %7.0f/s  p50 %6.0f µs  p99 %6.0f µs  CPU %4.0f µs", l.name, l.clients, c.name, median(rates[n]), median(middles[n]), median(tails[n]), median(costs[n]))
		if n > 0 {
			fmt.Printf("   ramp is %.2f× (p50 %+.0f µs, p99 %+.0f µs, CPU %.2f×)", ratio(rates[0], rates[n]), median(middles[0])-median(middles[n]), median(tails[0])-median(tails[n]), ratio(costs[0], costs[n]))
		}
		fmt.Println()
	}
}
