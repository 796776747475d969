package http1_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// moody is a server that answers with what it was asked, in any form or not at
// all. It remembers what it was asked.
type moody struct {
	asked sync.Map // method and path: *atomic.Int64
	open  atomic.Int64
}

func (m *moody) serve(conn net.Conn) {
	m.open.Add(1)
	defer m.open.Add(-1)
	defer conn.Close()
	requests := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(requests)
		if err != nil {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		times, _ := m.asked.LoadOrStore(r.Method+" "+r.URL.Path, new(atomic.Int64))
		times.(*atomic.Int64).Add(1)
		text, last := m.answer(r, r.URL.Path+" "+string(body))
		if _, err := io.WriteString(conn, text); err != nil || last {
			return
		}
	}
}

func (m *moody) answer(r *http.Request, text string) (bytes string, last bool) {
	const stray = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray"
	to := "To: " + r.URL.Path + "\r\n"
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n", to, len(text))
	plain := head + text
	chunked := fmt.Sprintf("HTTP/1.1 200 OK\r\n%sTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n%x\r\n%s\r\n0\r\nX: y\r\n\r\n", to, len(text), text)
	if r.Method == http.MethodHead {
		plain, chunked = head, head
	}
	switch rand.IntN(16) {
	case 0: // nothing
		return "", true
	case 1: // some
		return plain[:rand.IntN(len(plain))], true
	case 2: // some of the chunks
		return chunked[:rand.IntN(len(chunked))], true
	case 3: // late
		time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
		return plain, false
	case 4: // too late
		time.Sleep(100 * time.Millisecond)
		return plain, false
	case 5: // too much
		return plain + stray, false
	case 6:
		return chunked + stray, false
	case 7:
		return "HTTP/1.1 204 No Content\r\n" + to + "\r\n" + stray, false
	case 8: // and then closed
		return plain, true
	case 9: // to the end
		return "HTTP/1.1 200 OK\r\n" + to + "\r\n" + strings.TrimPrefix(plain, head), true
	case 10:
		return "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + plain, false
	case 11, 12:
		return chunked, false
	}
	return plain, false
}

// Whatever a server does, and whenever callers go: each gets its own answer or
// an error, nothing unsafe is sent twice, and nothing is left in the end.
func TestStress(t *testing.T) {
	before := runtime.NumGoroutine()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var server moody
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go server.serve(conn)
		}
	}()
	var opened, answered, failed atomic.Int64
	transport := to(t, listener.Addr().String(), &opened)
	transport.Timeout, transport.IdleTimeout = 50*time.Millisecond, 5*time.Millisecond
	var callers sync.WaitGroup
	for caller := range 16 {
		callers.Go(func() {
			for n := range 200 {
				method := []string{"GET", "HEAD", "POST", "DELETE"}[rand.IntN(4)]
				path, content := fmt.Sprintf("/%d/%d", caller, n), strings.Repeat("x", rand.IntN(3)*rand.IntN(200))
				ctx, cancel := context.WithCancel(t.Context())
				if rand.IntN(4) == 0 {
					time.AfterFunc(time.Duration(rand.IntN(2000))*time.Microsecond, cancel)
				}
				var body io.Reader
				if content != "" {
					body = strings.NewReader(content)
				}
				a, err := send(transport, request(ctx, method, path, body, int64(len(content))))
				cancel()
				switch {
				case err != nil:
					failed.Add(1)
				case a.header.Get("To") != path, a.text != "" && a.text != path+" "+content:
					t.Errorf("%s %s is answered with %+v", method, path, a)
				default:
					answered.Add(1)
				}
			}
		})
	}
	callers.Wait()
	server.asked.Range(func(what, times any) bool {
		method, _, _ := strings.Cut(what.(string), " ")
		if n := times.(*atomic.Int64).Load(); n > 2 || n > 1 && (method == "POST" || method == "DELETE") {
			t.Errorf("%s was sent %d times", what, n)
		}
		return true
	})
	t.Logf("%d answers and %d errors over %d connections", answered.Load(), failed.Load(), opened.Load())
	transport.CloseIdleConnections()
	listener.Close()
	for deadline := time.Now().Add(30 * time.Second); server.open.Load() > 0 || runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections and %d goroutines are left", server.open.Load(), runtime.NumGoroutine()-before)
		}
	}
}
