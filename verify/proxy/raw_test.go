package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy"
)

// quick gives callers up that have no more to say.
var quick = proxy.Listener{IdleTimeout: 100 * time.Millisecond, HeaderTimeout: 200 * time.Millisecond}

// listen serves the rig's proxy as the command would.
func (r *rig) listen(l proxy.Listener) net.Addr {
	r.Helper()
	l.Address = "127.0.0.1:0"
	socket, err := l.Listen()
	if err != nil {
		r.Fatal(err)
	}
	ctx, stop := context.WithCancel(r.Context())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx, socket, r.proxy) }()
	r.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			r.Error(err)
		}
	})
	return socket.Addr()
}

// exchange sends bytes as they are, and returns all that comes back.
func exchange(t testing.TB, to net.Addr, raw string) string {
	t.Helper()
	conn, err := net.Dial("tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, raw); err != nil {
		return err.Error()
	}
	answer, _ := io.ReadAll(conn)
	return string(answer)
}

// recorder is a service that remembers what reached it.
type recorder struct {
	mu      sync.Mutex
	targets []string
	headers []http.Header
	bodies  []string
}

func (s *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.targets = append(s.targets, r.Method+" "+r.RequestURI)
	s.headers = append(s.headers, r.Header.Clone())
	for name, values := range r.Trailer {
		s.headers = append(s.headers, http.Header{name: values})
	}
	s.bodies = append(s.bodies, string(body))
}

func (s *recorder) take() (targets []string, headers []http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	targets, headers = s.targets, s.headers
	s.targets, s.headers, s.bodies = nil, nil, nil
	return
}

// Whatever bytes come, the service sees only requests that the gate decided
// on, under the target it decided on.
func TestPathConfusion(t *testing.T) {
	var service recorder
	r := newRig(t, service.ServeHTTP, nil)
	addr, token := r.listen(quick), r.reader()
	for _, target := range []string{
		"//admin/x", "/open//../admin/x", "/open/../admin/x", "/open/./../admin/x", "/open/%2e%2e/admin/x", "/open/%2e%2e%2fadmin/x", "/open/..%2fadmin", `/open/..\admin`,
		"/open/..%5cadmin", "/open/..;/admin/x", "/open/;/../admin", "/open/%252e%252e/admin", "/open/%00/../admin", "/open/x%0d%0aRamp-Subject:%20root", "/open/%c0%ae%c0%ae/admin",
		"/open/x\x00y", "/open/x\x7fy", "/open/é", "/open#/admin", "/open/x|y", "http://127.0.0.1/open/x", "http://evil.example/open/x", "https:/open/x", "*", "open/x", "/open/%", "/open/%zz",
		"/open/x?a=b#c", "/open/x?a=\\", "/open/x HTTP/1.1\r\nX: y\r\n\r\nGET /admin/x", "/open/x\r\nRamp-Subject: root\r\nX: y",
	} {
		answer := exchange(t, addr, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n", target, token))
		targets, headers := service.take()
		for i, seen := range targets {
			if strings.Contains(seen, "admin") || !strings.HasPrefix(seen, "GET /open/x") || headers[i].Get("Ramp-Subject") != "" {
				t.Errorf("%q: the service saw %q %v", target, seen, headers[i])
			}
		}
		if len(targets) == 0 && !strings.HasPrefix(answer, "HTTP/1.1 4") && !strings.HasPrefix(answer, "HTTP/1.0 4") {
			t.Errorf("%q: %.60q", target, answer)
		}
	}
	for _, target := range []string{"/open/a%20b", "/open/%E2%82%AC/%61?x=%2f..%2f&y;z", "/open/?", "/open/a?b??", "/open/100%25", "/open/x:y@z/$&'()*+,=~_"} {
		answer := exchange(t, addr, "GET "+target+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		if targets, _ := service.take(); len(targets) != 1 || targets[0] != "GET "+target {
			t.Errorf("%q arrived as %q: %.80q", target, targets, answer)
		}
	}
}

// The same over HTTP/2, where a path is whatever bytes are between two others.
func TestPathConfusionHTTP2(t *testing.T) {
	var service recorder
	r := newRig(t, service.ServeHTTP, nil)
	transport := &http.Transport{Protocols: protocols(false)}
	t.Cleanup(transport.CloseIdleConnections)
	for _, target := range []string{
		"/open/../admin/x", "/open//x", "/open/%2e%2e/admin/x", "/open/..%2fadmin", `/open/..\admin`, "/open/..;/admin/x", "/open/%252e", "/open/%00", "/open/x y", "/open/é", "/open/x#y", "/open/x?a#b", "*",
	} {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", r.server.URL, nil)
		req.URL.Opaque = target
		resp, err := transport.RoundTrip(req)
		if err == nil {
			resp.Body.Close()
		}
		if targets, _ := service.take(); len(targets) > 0 || err == nil && resp.StatusCode != 400 {
			t.Errorf("%q: %v %q", target, resp, targets)
		}
	}
}

func TestHostConfusion(t *testing.T) {
	var service recorder
	r := newRig(t, service.ServeHTTP, func(c *proxy.Config) {
		c.Gate.Routes = append(standardRoutes(), standardRoutes()[2])
		c.Gate.Routes[len(c.Gate.Routes)-1].Pattern = "admin.internal/"
	})
	addr := r.listen(quick)
	for _, host := range []string{
		"Host: admin.internal", "Host: ADMIN.internal", "Host: admin.internal:80", "Host: admin.internal.", "Host: admin.internal.:80", "Host: a@admin.internal", "Host: admin.internal:x",
		"Host: a\r\nHost: admin.internal", "Host: a, admin.internal", "Host: a admin.internal", "Host: a/admin.internal", "Host:", "X: y", "Host : admin.internal", " Host: admin.internal",
	} {
		answer := exchange(t, addr, "GET /open/x HTTP/1.1\r\n"+host+"\r\nConnection: close\r\n\r\n")
		if targets, _ := service.take(); len(targets) != 0 || !strings.HasPrefix(answer, "HTTP/1.1 4") {
			t.Errorf("%q: %q %.80q", host, targets, answer)
		}
	}
	if answer := exchange(t, addr, "GET /open/x HTTP/1.0\r\n\r\n"); !strings.Contains(answer, "does not name its host") {
		t.Errorf("HTTP/1.0 without host: %q", answer)
	}
	if answer := exchange(t, addr, "GET /open/x HTTP/1.0\r\nHost: a\r\n\r\n"); !strings.HasPrefix(answer, "HTTP/1.0 200") {
		t.Errorf("HTTP/1.0: %q", answer)
	}
}

func TestHeaderSmuggling(t *testing.T) {
	var service recorder
	r := newRig(t, service.ServeHTTP, nil)
	addr := r.listen(quick)
	for _, lines := range []string{
		"Ramp-Subject: root", "ramp-subject: root", "RAMP_SUBJECT: root", "Ramp_Subject: root", "Ramp.Subject: root", "Ramp-Subject : root", "Ramp-Subject\t: root", "X: y\r\n Ramp-Subject: root",
		"X: y\rRamp-Subject: root", "X: y\nRamp-Subject: root", "Connection: Ramp-Subject\r\nRamp-Subject: root", "Connection: Ramp-Request-Id, Authorization, Host",
		"Trailer: Ramp-Subject\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nRamp-Subject: root", "Transfer-Encoding: chunked\r\n\r\n0\r\nRamp-Subject: root",
		"TE: trailers\r\nTrailer: Ramp-Subject\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nRamp-Subject: root", "Forwarded: for=root", "X-Forwarded-For: root", "X_Forwarded_For: root",
		"X-Real-IP: root", "X-Original-URL: /root", "X-HTTP-Method-Override: root", "X-Forwarded-Anything: root", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: root",
		"Proxy-Authorization: root", "Authorization: Basic root",
	} {
		answer := exchange(t, addr, "POST /open/x HTTP/1.1\r\nHost: a\r\n"+lines+"\r\n\r\n")
		targets, headers := service.take()
		for _, h := range headers {
			for name, values := range h {
				if joined := strings.Join(values, ","); joined == "y Ramp-Subject: root" { // a folded line of another header
					continue
				} else if strings.Contains(joined, "root") || name == "Upgrade" {
					t.Errorf("%q: the service saw %s: %s", lines, name, joined)
				}
			}
		}
		if len(targets) > 0 && headers[0].Get("Ramp-Request-Id") == "" {
			t.Errorf("%q: the service saw %v", lines, headers)
		}
		if len(targets) > 1 || !strings.HasPrefix(answer, "HTTP/1.1 ") {
			t.Errorf("%q: %q %q", lines, targets, answer)
		}
	}
}

// One request is one request, to the proxy and to the service.
func TestRequestSmuggling(t *testing.T) {
	var service recorder
	r := newRig(t, service.ServeHTTP, func(c *proxy.Config) { c.Stall = 200 * time.Millisecond })
	addr := r.listen(quick)
	hidden := "GET /admin/x HTTP/1.1\r\nHost: a\r\n\r\n"
	length := fmt.Sprint(len(hidden))
	for _, framing := range []string{
		"Content-Length: " + length + "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + hidden,
		"Content-Length: 0\r\nContent-Length: " + length + "\r\n\r\n" + hidden,
		"Content-Length: " + length + "\r\nContent-Length: " + length + "\r\n\r\n" + hidden,
		"Content-Length: +" + length + "\r\n\r\n" + hidden, "Content-Length: -1\r\n\r\n" + hidden, "Content-Length: 0x10\r\n\r\n" + hidden, "Content-Length: 1, 2\r\n\r\n" + hidden,
		"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden, "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + hidden, "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + hidden,
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + hidden, "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + hidden, "X: y\r\n\tTransfer-Encoding: chunked\r\n\r\n" + hidden,
		"Transfer-Encoding: chunked\r\n\r\n0;x=\r\ny\r\n\r\n" + hidden, "Transfer-Encoding: chunked\r\n\r\n00000000000000000000001\r\na\r\n0\r\n\r\n" + hidden, "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n" + hidden,
		"Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n" + hidden, "Transfer-Encoding: chunked\r\n\r\n1\na\n0\n\n" + hidden, "Transfer-Encoding: chunked\r\n\r\n1 \r\naXX0\r\n\r\n" + hidden,
		"Expect: 100-continue\r\nContent-Length: " + length + "\r\n\r\n" + hidden, "Upgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: " + length + "\r\n\r\n" + hidden,
		"Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n" + hidden, "Connection: Content-Length\r\nContent-Length: " + length + "\r\n\r\n" + hidden, "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
	} {
		answer := exchange(t, addr, "POST /open/x HTTP/1.1\r\nHost: a\r\n"+framing)
		targets, _ := service.take()
		for _, seen := range targets {
			if seen != "POST /open/x" {
				t.Errorf("%q: the service saw %q", framing, seen)
			}
		}
		if !strings.HasPrefix(answer, "HTTP/1.1 ") {
			t.Errorf("%q: %q", framing, answer)
		}
	}
}

func TestClientsThatWantTooMuch(t *testing.T) {
	var service recorder
	r := newRig(t, service.ServeHTTP, func(c *proxy.Config) { c.Stall = 300 * time.Millisecond })
	addr := r.listen(proxy.Listener{HeaderTimeout: 300 * time.Millisecond, IdleTimeout: 300 * time.Millisecond, MaxConnections: 20})
	if answer := exchange(t, addr, "GET /open/x HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("x", 64<<10)+"\r\n\r\n"); !strings.HasPrefix(answer, "HTTP/1.1 431") {
		t.Errorf("a large header: %.80q", answer)
	}
	if answer := exchange(t, addr, "GET /open/"+strings.Repeat("x", 64<<10)+" HTTP/1.1\r\nHost: a\r\n\r\n"); !strings.HasPrefix(answer, "HTTP/1.1 431") {
		t.Errorf("a large target: %.80q", answer)
	}
	for name, part := range map[string]string{
		"no request": "", "half a line": "GET /op", "half a header": "GET /open/x HTTP/1.1\r\nHost: a\r\nX: ", "no second request": "GET /open/x HTTP/1.1\r\nHost: a\r\n\r\n",
		"half a body": "POST /open/x HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc", "half a chunk": "POST /open/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nabc",
		"half a body of what is refused": "POST /invoices/7 HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc",
	} {
		conn, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, part)
		_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		if _, err := io.Copy(io.Discard, conn); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%s: the connection is still open: %v", name, err)
		}
		conn.Close()
	}
	// More connections than are taken, none of which asks for anything: the
	// next one is served all the same, when they have been given up.
	for range 60 {
		conn, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if answer := exchange(t, addr, "GET /open/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(answer, "HTTP/1.1 200") {
		t.Errorf("after many idle connections: %.80q", answer)
	}
}

// A caller that does not read its answer is cut off, and the service with it.
func TestAnswersThatAreNotRead(t *testing.T) {
	ended := make(chan struct{}, 1)
	r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
		defer func() { ended <- struct{}{} }()
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}, func(c *proxy.Config) { c.Stall = 500 * time.Millisecond })
	conn, err := net.Dial("tcp", r.listen(proxy.Listener{Stall: 500 * time.Millisecond}).String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET /open/x HTTP/1.1\r\nHost: a\r\n\r\n")
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 200") {
		t.Fatal(line, err)
	}
	select {
	case <-ended:
	case <-time.After(60 * time.Second):
		t.Error("the service still writes")
	}
	eventually(t, "its log entry", func() bool { return strings.Contains(r.lines.String(), proxy.ReasonCallerGone) })
}

// A method may have any bytes over HTTP/2, and would be the beginning of the
// request line over HTTP/1.
func TestMethodConfusion(t *testing.T) {
	service, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	go func() {
		if conn, err := service.Accept(); err == nil {
			line, _ := bufio.NewReader(conn).ReadString('\n')
			t.Errorf("the service saw %q", line)
			conn.Close()
		}
	}()
	r := newRig(t, echo, func(c *proxy.Config) { c.Upstream.URL = "http://" + service.Addr().String() })
	for _, method := range []string{"GET /admin/x?", "GET /admin/x HTTP/1.1", "GET\t/admin/x", "G@T", "é"} {
		conn, err := net.Dial("tcp", r.server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, http2.ClientPreface)
		frames := http2.NewFramer(conn, conn)
		frames.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
		_ = frames.WriteSettings()
		var block bytes.Buffer
		encoder := hpack.NewEncoder(&block)
		for _, field := range [][2]string{{":method", method}, {":scheme", "http"}, {":authority", "a"}, {":path", "/open/x"}} {
			_ = encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]})
		}
		_ = frames.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
		for {
			frame, err := frames.ReadFrame()
			if err != nil {
				t.Fatal(err)
			}
			if head, ok := frame.(*http2.MetaHeadersFrame); ok {
				if status := head.PseudoValue("status"); status != "400" {
					t.Errorf("%q: %s", method, status)
				}
				break
			}
		}
	}
}

// A caller whose token dies while a body trickles in does not keep its place
// until all of it has come.
func TestCutInTheBody(t *testing.T) {
	for _, length := range []int{10_000, 1_000_000} {
		r := newRig(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }, nil)
		token := r.reader()
		conn, err := net.Dial("tcp", r.listen(proxy.Listener{}).String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /stream/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n", token, length)
		go func() {
			for n := 0; ; n++ {
				if _, err := io.WriteString(conn, "x"); err != nil {
					return
				}
				if time.Sleep(20 * time.Millisecond); n == 10 {
					r.issuer.Revoke(token)
				}
			}
		}()
		eventually(t, "the end of the request", func() bool { return strings.Contains(r.lines.String(), `"outcome":"failed","reason":"cut"`) })
		conn.Close()
	}
}
