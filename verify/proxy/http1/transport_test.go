package http1_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/http1"
)

// to is a transport to an address that counts its connections.
func to(t testing.TB, address string, opened *atomic.Int64) *http1.Transport {
	transport := &http1.Transport{
		Dial: func(ctx context.Context) (net.Conn, error) {
			opened.Add(1)
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		},
		Timeout: 10 * time.Second, MaxHead: 64 << 10, MaxIdle: 8, IdleTimeout: time.Minute,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// script is a server that does what is written: it answers each request of each
// connection with bytes, and then closes the connection if told so. Ended is
// told when it has.
func script(t testing.TB, ended chan<- struct{}, answer func(connection, request int) (bytes string, last bool)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for connection := 1; ; connection++ {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() {
					conn.Close()
					if ended != nil {
						ended <- struct{}{}
					}
				}()
				requests := bufio.NewReader(conn)
				for request := 1; ; request++ {
					if _, err := http.ReadRequest(requests); err != nil {
						return
					}
					bytes, last := answer(connection, request)
					if _, err := io.WriteString(conn, bytes); err != nil || last {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// answer is a response with its body.
type answer struct {
	status          int
	header, trailer http.Header
	length          int64
	text            string
}

func send(transport http.RoundTripper, r *http.Request) (*answer, error) {
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return &answer{resp.StatusCode, resp.Header, resp.Trailer, resp.ContentLength, string(text)}, err
}

func request(ctx context.Context, method, path string, body io.Reader, length int64) *http.Request {
	r, _ := http.NewRequestWithContext(ctx, method, "http://service.internal"+path, body)
	r.ContentLength = length
	return r
}

// ask returns the text of an answer.
func ask(t testing.TB, transport http.RoundTripper, method string) (string, error) {
	t.Helper()
	a, err := send(transport, request(t.Context(), method, "/path?q=1", nil, 0))
	if a == nil {
		return "", err
	}
	return a.text, err
}

func TestConnectionsServeAgain(t *testing.T) {
	for name, c := range map[string]struct {
		method  string
		handler http.HandlerFunc
		opened  int64 // by 20 requests
		want    string
	}{
		"a length": {"GET", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Host, r.RequestURI) }, 1, "service.internal/path?q=1"},
		"chunks": {"GET", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "1")
			w.(http.Flusher).Flush()
			fmt.Fprint(w, "2")
		}, 1, "12"},
		"a large answer": {"GET", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", 300_000)) }, 1, strings.Repeat("x", 300_000)},
		"HEAD":           {"HEAD", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "7") }, 1, ""},
		"204":            {"POST", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, 1, ""},
		"304":            {"GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }, 1, ""},
		"empty":          {"DELETE", func(http.ResponseWriter, *http.Request) {}, 1, ""},
		"close": {"GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			fmt.Fprint(w, "x")
		}, 20, "x"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.handler)
			defer server.Close()
			var opened atomic.Int64
			transport := to(t, server.Listener.Addr().String(), &opened)
			for range 20 {
				if text, err := ask(t, transport, c.method); err != nil || text != c.want {
					t.Fatalf("%.100q %v", text, err)
				}
			}
			if opened.Load() != c.opened {
				t.Errorf("%d connections, want %d", opened.Load(), c.opened)
			}
		})
	}
}

const hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

// What a server sends after an answer is not the answer to the next request.
func TestNothingOfOneAnswerIsAnothers(t *testing.T) {
	stray := "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstrays"
	for name, first := range map[string]string{
		"with the answer": hello + stray,
		"a longer body":   hello + "...",
		"after a 204":     "HTTP/1.1 204 No Content\r\n\r\n" + stray,
		"after chunks":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + stray,
		"HEAD with one":   "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + stray,
	} {
		t.Run(name, func(t *testing.T) {
			var opened atomic.Int64
			address := script(t, nil, func(connection, request int) (string, bool) {
				if connection == 1 && request == 1 {
					return first, false
				}
				return hello, false
			})
			transport := to(t, address, &opened)
			if _, err := ask(t, transport, map[bool]string{true: "HEAD", false: "GET"}[strings.HasPrefix(name, "HEAD")]); err != nil {
				t.Fatal(err)
			}
			if text, err := ask(t, transport, "GET"); err != nil || text != "hello" || opened.Load() != 2 {
				t.Errorf("%q %v over %d connections", text, err, opened.Load())
			}
		})
	}
	t.Run("later", func(t *testing.T) {
		sent := make(chan struct{})
		listener, _ := net.Listen("tcp", "127.0.0.1:0")
		defer listener.Close()
		go func() {
			for n := 0; ; n++ {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				_, _ = http.ReadRequest(bufio.NewReader(conn))
				_, _ = io.WriteString(conn, hello)
				if n == 0 {
					<-sent
					_, _ = io.WriteString(conn, stray)
					sent <- struct{}{}
				}
			}
		}()
		var opened atomic.Int64
		transport := to(t, listener.Addr().String(), &opened)
		if _, err := ask(t, transport, "GET"); err != nil {
			t.Fatal(err)
		}
		sent <- struct{}{}
		<-sent
		if text, err := ask(t, transport, "GET"); err != nil || text != "hello" || opened.Load() != 2 {
			t.Errorf("%q %v over %d connections", text, err, opened.Load())
		}
	})
}

func TestServersThatClose(t *testing.T) {
	t.Run("between requests", func(t *testing.T) {
		var opened atomic.Int64
		ended := make(chan struct{})
		transport := to(t, script(t, ended, func(int, int) (string, bool) { return hello, true }), &opened)
		for _, method := range []string{"GET", "POST", "PATCH", "GET"} {
			if text, err := ask(t, transport, method); err != nil || text != "hello" {
				t.Errorf("%s: %q %v", method, text, err)
			}
			<-ended
		}
	})
	for _, c := range []struct {
		method, header string
		again          bool
	}{{"GET", "", true}, {"HEAD", "", true}, {"OPTIONS", "", true}, {"DELETE", "", false}, {"PUT", "", false}, {"POST", "", false}, {"POST", "Idempotency-Key", true}} {
		t.Run("on a second "+c.method+" "+c.header, func(t *testing.T) {
			var opened, asked atomic.Int64
			transport := to(t, script(t, nil, func(connection, request int) (string, bool) {
				asked.Add(1)
				if connection == 1 && request == 2 {
					return "", true
				}
				return "HTTP/1.1 204 No Content\r\n\r\n", false
			}), &opened)
			if _, err := ask(t, transport, c.method); err != nil {
				t.Fatal(err)
			}
			second := request(t.Context(), c.method, "/", nil, 0)
			if c.header != "" {
				second.Header.Set(c.header, "x")
			}
			_, err := send(transport, second)
			if (err == nil) != c.again || asked.Load() != map[bool]int64{true: 3, false: 2}[c.again] {
				t.Errorf("%v, and %d requests came", err, asked.Load())
			}
		})
	}
	t.Run("on a first request", func(t *testing.T) {
		var opened atomic.Int64
		transport := to(t, script(t, nil, func(int, int) (string, bool) { return "", true }), &opened)
		if _, err := ask(t, transport, "GET"); err == nil || opened.Load() != 1 {
			t.Errorf("%v, %d connections", err, opened.Load())
		}
	})
	t.Run("again and again", func(t *testing.T) {
		var opened, asked atomic.Int64
		waiting, failing := make(chan struct{}), atomic.Bool{}
		transport := to(t, script(t, nil, func(int, int) (string, bool) {
			if asked.Add(1); failing.Load() {
				return "", true
			}
			if asked.Load() == 4 {
				close(waiting)
			}
			<-waiting
			return hello, false
		}), &opened)
		var idle sync.WaitGroup
		for range 4 {
			idle.Go(func() { _, _ = ask(t, transport, "GET") })
		}
		idle.Wait()
		failing.Store(true)
		if _, err := ask(t, transport, "GET"); err == nil || asked.Load() != 6 {
			t.Errorf("%v, and %d requests came", err, asked.Load())
		}
	})
	t.Run("after some of an answer", func(t *testing.T) {
		var opened atomic.Int64
		transport := to(t, script(t, nil, func(_, request int) (string, bool) {
			return hello[:len(hello)-3*(request-1)*10], request == 2
		}), &opened)
		_, _ = ask(t, transport, "GET")
		if _, err := ask(t, transport, "GET"); err == nil || opened.Load() != 1 {
			t.Errorf("%v, %d connections", err, opened.Load())
		}
	})
}

func TestBrokenAnswers(t *testing.T) {
	for name, answer := range map[string]string{
		"nothing":          "",
		"no HTTP":          "SSH-2.0-OpenSSH\r\n\r\n",
		"half a head":      "HTTP/1.1 200 OK\r\nConte",
		"half a body":      hello[:len(hello)-2],
		"half a chunk":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
		"a large head":     "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 65<<10) + "\r\n\r\n",
		"interim for ever": strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 5000),
		"no status":        "HTTP/1.1 042 Answer\r\nContent-Length: 0\r\n\r\n",
		"a switch":         "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
		"two lengths":      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
	} {
		t.Run(name, func(t *testing.T) {
			var opened atomic.Int64
			transport := to(t, script(t, nil, func(int, int) (string, bool) { return answer, true }), &opened)
			if text, err := ask(t, transport, "GET"); err == nil {
				t.Errorf("%q", text)
			}
		})
	}
}

func TestInterimAnswers(t *testing.T) {
	var opened atomic.Int64
	transport := to(t, script(t, nil, func(int, int) (string, bool) {
		return "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" + hello, false
	}), &opened)
	var hints []string
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		hints = append(hints, fmt.Sprintf("%d %s", code, h.Get("Link")))
		return nil
	}})
	for range 2 {
		if a, err := send(transport, request(ctx, "GET", "/", nil, 0)); err != nil || a.text != "hello" {
			t.Errorf("%+v %v", a, err)
		}
	}
	if strings.Join(hints, " ") != "103 </style.css> 103 </style.css>" || opened.Load() != 1 {
		t.Errorf("%q over %d connections", hints, opened.Load())
	}
}

// A caller that goes ends the request at the server, too.
func TestCancelled(t *testing.T) {
	ended := make(chan struct{}, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
		ended <- struct{}{}
	}))
	defer server.Close()
	var opened atomic.Int64
	transport := to(t, server.Listener.Addr().String(), &opened)
	for _, path := range []string{"/head", "/body"} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		if _, err := send(transport, request(ctx, "GET", path, nil, 0)); err == nil || path == "/head" && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		<-ended
	}
	var asked atomic.Int64
	transport = to(t, script(t, nil, func(int, int) (string, bool) { asked.Add(1); return hello, false }), &opened)
	for range 100 {
		if _, err := ask(t, transport, "GET"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		body := io.MultiReader(strings.NewReader("x"), reader(func([]byte) (int, error) { cancel(); return 0, io.EOF }))
		if _, err := send(transport, request(ctx, "POST", "/", body, 1)); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if asked.Load() != 100 {
		t.Errorf("%d requests were sent after their callers had gone", asked.Load()-100)
	}
}

type reader func([]byte) (int, error)

func (r reader) Read(into []byte) (int, error) { return r(into) }

// A server that does not answer is given up; one whose body rests is not.
func TestTimeout(t *testing.T) {
	rest := make(chan struct{})
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			return
		}
		if r.URL.Path == "/head" {
			asked.Add(1)
		}
		if r.URL.Path == "/half" {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, hello[:20])
				_, _ = conn.Read(make([]byte, 1))
				conn.Close()
			}
			return
		}
		if r.URL.Path == "/body" {
			_ = http.NewResponseController(w).Flush()
			<-rest
			fmt.Fprint(w, "after all")
			return
		}
		<-r.Context().Done()
	}))
	defer server.Close()
	var opened atomic.Int64
	transport := to(t, server.Listener.Addr().String(), &opened)
	if _, err := send(transport, request(t.Context(), "GET", "/", nil, 0)); err != nil { // whose connection is used again
		t.Fatal(err)
	}
	transport.Timeout = 50 * time.Millisecond
	var timeout net.Error
	for _, path := range []string{"/head", "/half"} {
		if _, err := send(transport, request(t.Context(), "GET", path, nil, 0)); !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("%s: %v", path, err)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("%d requests came of one that timed out", asked.Load())
	}
	time.AfterFunc(4*transport.Timeout, func() { close(rest) })
	if a, err := send(transport, request(t.Context(), "GET", "/body", nil, 0)); err != nil || a.text != "after all" {
		t.Errorf("%+v %v", a, err)
	}
}

func TestIdleConnections(t *testing.T) {
	closed := make(chan struct{}, 100)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(20 * time.Millisecond) }))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			closed <- struct{}{}
		}
	}
	server.Start()
	defer server.Close()
	var opened atomic.Int64
	transport := to(t, server.Listener.Addr().String(), &opened)
	transport.MaxIdle, transport.IdleTimeout = 2, 100*time.Millisecond
	done := make(chan error)
	for range 5 {
		go func() { _, err := ask(t, transport, "GET"); done <- err }()
	}
	for range 5 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	for range 5 { // three at once, two in a while
		<-closed
	}
	if _, err := ask(t, transport, "GET"); err != nil || opened.Load() != 6 {
		t.Errorf("%v, %d connections", err, opened.Load())
	}
	transport.CloseIdleConnections()
	<-closed
	if _, err := ask(t, transport, "GET"); err != nil {
		t.Error(err)
	}
	<-closed // at once
}

// A body is sent whole, again if need be, or not at all.
func TestBodies(t *testing.T) {
	var mu sync.Mutex
	var came []string
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for n := 0; ; n++ {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			requests := bufio.NewReader(conn)
			for {
				r, err := http.ReadRequest(requests)
				if err != nil {
					break
				}
				text, err := io.ReadAll(r.Body)
				mu.Lock()
				came = append(came, fmt.Sprintf("%d %v", len(text), err))
				leave := n == 0 && len(came) == 3 // without an answer
				mu.Unlock()
				if leave {
					break
				}
				_, _ = io.WriteString(conn, hello)
			}
			conn.Close()
		}
	}()
	var opened atomic.Int64
	transport := to(t, listener.Addr().String(), &opened)
	get := func(text string, length int64) error {
		_, err := send(transport, request(t.Context(), "GET", "/", strings.NewReader(text), length))
		return err
	}
	for _, size := range []int{1, 16 << 10, 5000, 7} { // the third is sent twice
		if err := get(strings.Repeat("x", size), int64(size)); err != nil {
			t.Error(err)
		}
	}
	for _, length := range []int64{4, 6} {
		if err := get("short", length); err == nil {
			t.Errorf("a body of 5 bytes passes for one of %d", length)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(came, ", "); got != "1 <nil>, 16384 <nil>, 5000 <nil>, 5000 <nil>, 7 <nil>" || opened.Load() != 2 {
		t.Errorf("%s over %d connections", got, opened.Load())
	}
}

// deaf is a server that answers what it does not read to its end.
type deaf struct {
	net.Conn
	answer io.Reader
}

func (d *deaf) Read(into []byte) (int, error) { return d.answer.Read(into) }
func (d *deaf) Write([]byte) (int, error)     { return 100, syscall.EPIPE }

func TestAnswerBeforeTheBody(t *testing.T) {
	for text, want := range map[string]int{"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig": 413, "": 0} {
		var opened atomic.Int64
		transport := to(t, "", &opened)
		transport.Dial = func(context.Context) (net.Conn, error) {
			opened.Add(1)
			conn, _ := net.Pipe()
			return &deaf{conn, strings.NewReader(text)}, nil
		}
		for range 2 {
			a, err := send(transport, request(t.Context(), "POST", "/", strings.NewReader(strings.Repeat("x", 16<<10)), 16<<10))
			if want == 0 && !errors.Is(err, syscall.EPIPE) || want != 0 && (err != nil || a.status != want || a.text != "big") {
				t.Errorf("%+v %v", a, err)
			}
		}
		if opened.Load() != 2 {
			t.Errorf("%d connections", opened.Load())
		}
	}
}

func TestTakes(t *testing.T) {
	for _, c := range []struct {
		change func(*http.Request)
		takes  bool
	}{
		{func(*http.Request) {}, true},
		{func(r *http.Request) { r.Body = http.NoBody }, true},
		{func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("x")), 1 }, true},
		{func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("x")), 16<<10+1 }, false},
		{func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("x")), 0 }, false}, // unknown
		{func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("x")), -1 }, false},
		{func(r *http.Request) { r.Header.Set("Upgrade", "websocket") }, false},
		{func(r *http.Request) { r.Header.Set("Expect", "100-continue") }, false},
		{func(r *http.Request) { r.Method = "CONNECT" }, false},
		{func(r *http.Request) { r.Method = "GET /admin?" }, false},
		{func(r *http.Request) { r.Method = "" }, false},
		{func(r *http.Request) { r.Close = true }, false},
		{func(r *http.Request) { r.ContentLength = 5 }, false}, // of no body
	} {
		r := httptest.NewRequest("POST", "/", nil)
		r.Body = nil
		if c.change(r); http1.Takes(r) != c.takes {
			t.Errorf("%+v", r)
		}
		if c.takes {
			continue
		}
		if _, err := send(new(http1.Transport), r); err == nil {
			t.Errorf("%+v", r)
		}
	}
}
