package proxy_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/internal/attack"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
)

// fire sends a shot over a connection of its own, byte for byte. The reason is
// that of the refusal, "" for none, "http" when it is no request at all.
func fire(t testing.TB, addr net.Addr, to attack.Target, shot attack.Shot) (status int, reason verify.Reason) {
	t.Helper()
	config := &tls.Config{InsecureSkipVerify: true}
	if shot.Certificate != nil {
		config.Certificates = []tls.Certificate{*shot.Certificate}
	}
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 20 * time.Second}, "tcp", addr.String(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	host, path, _ := strings.Cut(strings.TrimPrefix(to.URL, "https://"), "/")
	if shot.Query != "" {
		path += "?" + shot.Query
	}
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "%s /%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", to.Method, path, host)
	for name, values := range shot.Header {
		for _, value := range values {
			fmt.Fprintf(&raw, "%s: %s\r\n", name, value)
		}
	}
	raw.WriteString("\r\n")
	_, _ = conn.Write(raw.Bytes())
	answer, _ := io.ReadAll(conn) // a reset after an answer is no matter
	if _, err := fmt.Sscanf(string(answer), "HTTP/1.1 %d", &status); err != nil {
		t.Errorf("answer %.100q", answer)
	}
	if m := regexp.MustCompile(`\(([a-z_]+)\)\n?$`).FindSubmatch(answer); m != nil {
		return status, verify.Reason(m[1])
	}
	if status == http.StatusBadRequest || status == http.StatusRequestHeaderFieldsTooLarge {
		return status, "http"
	}
	return status, ""
}

func TestAttacks(t *testing.T) {
	const origin = "https://payments.internal"
	w := attack.NewWorld(t, origin)
	r := newRigOf(t, w.Issuer, echo, func(c *proxy.Config) {
		c.Gate.Routes = []gate.Route{{Pattern: "/invoices/{id}", Condition: "true"}}
	})
	addr := r.listen(proxy.Listener{TLS: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{selfSigned(t)}, ClientAuth: tls.RequestClientCert}})
	to := attack.Target{Method: http.MethodGet, URL: origin + "/invoices/7"}
	controls := func() {
		t.Helper()
		for _, c := range attack.Controls() {
			if status, reason := fire(t, addr, to, c.Make(w, to)); status != 200 {
				t.Errorf("control %s: %d %s", c.Name, status, reason)
			}
		}
	}
	controls()
	for _, a := range attack.Attacks() {
		shot := a.Make(w, to)
		if a.Again {
			if status, reason := fire(t, addr, to, shot); status != 200 {
				t.Errorf("%s: the first: %d %s", a.Name, status, reason)
			}
		}
		status, reason := fire(t, addr, to, shot)
		if a.Soon {
			eventually(t, a.Name, func() bool { status, reason = fire(t, addr, to, shot); return status != 200 })
		}
		if status < 400 || status >= 500 || reason != "http" && !a.Refused(reason) {
			t.Errorf("%s: %d for %q, want %v", a.Name, status, reason, a.Reasons)
		}
	}
	controls()
	if strings.Contains(r.lines.String(), "eyJ") {
		t.Error("the log has a token")
	}
	t.Logf("%d attacks", len(attack.Attacks()))
}
