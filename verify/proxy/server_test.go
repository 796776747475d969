package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/accesslog"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// Configurations are swapped while requests run; each request is answered
// under one of them.
func TestSwap(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "one") }, nil)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "two") }))
	t.Cleanup(other.Close)
	token := r.reader()
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	var answered atomic.Int64
	seen := [2]atomic.Int64{}
	for range 4 {
		load.Go(func() {
			for ctx.Err() == nil {
				req, _ := http.NewRequest("GET", r.server.URL+"/invoices/7", nil)
				req.Header.Set("Authorization", "Bearer "+token)
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if resp.StatusCode != 200 || err != nil {
					t.Errorf("%s %v", resp.Status, err)
				}
				answered.Add(1)
				if string(body) == "two" {
					seen[1].Add(1)
				} else {
					seen[0].Add(1)
				}
			}
		})
	}
	for i := range 60 {
		c := r.config
		if i%2 == 0 {
			c.Upstream.URL = other.URL
		}
		if err := r.proxy.Swap(c); err != nil {
			t.Error(err)
		}
		c.Upstream.URL = "nonsense"
		if r.proxy.Swap(c) == nil {
			t.Error("nonsense is taken over")
		}
		at := answered.Load()
		eventually(t, "requests", func() bool { return answered.Load() > at+10 })
	}
	stop()
	load.Wait()
	if seen[0].Load() == 0 || seen[1].Load() == 0 {
		t.Errorf("%d and %d", seen[0].Load(), seen[1].Load())
	}
}

func TestConfigurationsThatAreWrong(t *testing.T) {
	r := newRig(t, echo, nil)
	for says, change := range map[string]func(*proxy.Config){
		"needs a Verifier":       func(c *proxy.Config) { c.Gate.Verifier = nil },
		"is not scheme and host": func(c *proxy.Config) { c.Upstream.URL = "http://a/base" },
		"must be http":           func(c *proxy.Config) { c.Upstream.URL = "ftp://a" },
		"negative":               func(c *proxy.Config) { c.MaxRequests = -1 },
		"there are no routes":    func(c *proxy.Config) { c.Gate.Routes = nil },
	} {
		c := r.config
		change(&c)
		if _, err := proxy.New(c); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

func TestTooManyRequests(t *testing.T) {
	release := make(chan struct{})
	r := newRig(t, func(http.ResponseWriter, *http.Request) { <-release }, func(c *proxy.Config) { c.MaxRequests = 3 })
	var waiting sync.WaitGroup
	for range 3 {
		waiting.Go(func() { get(t, r.server.URL+"/open/x") })
	}
	admin := httptest.NewServer(r.proxy.Admin(r.metrics))
	t.Cleanup(admin.Close)
	eventually(t, "the proxy to be full", func() bool { return get(t, admin.URL+"/readyz") == "503 too many requests at once" })
	resp, _ := r.do("GET", "/open/x", "")
	if e := r.entry(resp); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || e.Reason != gate.ReasonBusy {
		t.Errorf("%s %+v", resp.Status, e)
	}
	close(release)
	waiting.Wait()
	eventually(t, "readiness", func() bool { return get(t, admin.URL+"/readyz") == "200 ready" })
}

// One caller with many open requests leaves room for the others.
func TestOneCallerCannotTakeAllPlaces(t *testing.T) {
	arrived, release := make(chan struct{}, 10), make(chan struct{})
	r := newRig(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Ramp-Caller") == "e-greedy" {
			arrived <- struct{}{}
			<-release
		}
	}, func(c *proxy.Config) { c.MaxRequests, c.MaxRequestsPerCaller = 10, 3 })
	greedy := r.issuer.Issue(verifytest.Token{Caller: "e-greedy", Scopes: []string{"invoices:read"}})
	var waiting sync.WaitGroup
	for range 3 {
		waiting.Go(func() { r.do("GET", "/invoices/7", greedy) })
	}
	for range 3 {
		<-arrived
	}
	resp, _ := r.do("GET", "/invoices/7", greedy)
	if e := r.entry(resp); resp.StatusCode != http.StatusServiceUnavailable || e.Reason != gate.ReasonBusy {
		t.Errorf("one more: %s %+v", resp.Status, e)
	}
	if resp, _ := r.do("GET", "/invoices/7", r.reader()); resp.StatusCode != http.StatusOK {
		t.Errorf("another caller: %s", resp.Status)
	}
	close(release)
	waiting.Wait()
	if resp, _ := r.do("GET", "/invoices/7", greedy); resp.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %s", resp.Status)
	}
}

func TestAdmin(t *testing.T) {
	r := newRig(t, echo, nil)
	admin := httptest.NewServer(r.proxy.Admin(r.metrics))
	t.Cleanup(admin.Close)
	r.do("GET", "/invoices/7", r.reader())
	r.do("GET", "/invoices/7", "rubbish")
	r.do("GET", "/nowhere", "")
	for i := range 100 { // what callers make up makes no series
		r.do(fmt.Sprint("M", i), fmt.Sprint("/made/up/", i), fmt.Sprint("made.up.", i))
	}
	eventually(t, "the log", func() bool { return r.log.Written() == 103 })
	text := get(t, admin.URL+"/metrics")
	for _, want := range []string{
		`ramp_requests_total{code="2xx",outcome="accepted",reason="",route="GET /invoices/{id}"} 1`,
		`ramp_requests_total{code="4xx",outcome="refused",reason="malformed",route="GET /invoices/{id}"} 1`,
		`ramp_requests_total{code="4xx",outcome="refused",reason="no_route",route="none"} 101`,
		`ramp_request_duration_seconds_count{route="GET /invoices/{id}"} 2`,
		`ramp_verifier_tokens_total{result="accepted"} 1`, `ramp_verifier_tokens_total{result="malformed"} 1`, "ramp_verifier_feed_cursor", "ramp_log_written_total 103", "ramp_log_queue 0",
		"ramp_evidence_callers 1", "ramp_proxy_requests_open 0",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if n := strings.Count(text, "\n"); n > 120 {
		t.Errorf("%d lines of metrics", n)
	}
	if got := get(t, admin.URL+"/healthz"); got != "200 ok" {
		t.Error(got)
	}
}

func TestNotReadyWithoutFeed(t *testing.T) {
	r := newRig(t, echo, nil)
	v, err := verify.New(t.Context(), verify.Config{Issuer: r.issuer.URL, Audience: verifytest.DefaultAudience, MaxStaleness: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	r.config.Gate.Verifier = v
	if err := r.proxy.Swap(r.config); err != nil {
		t.Fatal(err)
	}
	token := r.reader()
	r.issuer.SetDown(true)
	eventually(t, "staleness", func() bool { return r.proxy.Ready() != nil })
	if resp, body := r.do("GET", "/invoices/7", token); resp.StatusCode != 503 || !strings.Contains(body, "(stale)") {
		t.Errorf("%s %s", resp.Status, body)
	}
	r.issuer.SetDown(false)
	eventually(t, "recovery", func() bool { return r.proxy.Ready() == nil })
}

func get(t testing.TB, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return fmt.Sprint(resp.StatusCode, " ", strings.TrimSpace(string(body)))
}

// A listener that ends lets requests end, WebSockets too, and takes no more.
func TestGracefulEnd(t *testing.T) {
	arrived, release := make(chan struct{}, 1), make(chan struct{})
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Upgrade") != "" {
			talk(w, req)
			return
		}
		arrived <- struct{}{}
		<-release
		_, _ = io.WriteString(w, "done")
	}, nil)
	for _, drain := range []time.Duration{time.Hour, 100 * time.Millisecond} {
		l := proxy.Listener{Address: "127.0.0.1:0", Drain: drain}
		socket, err := l.Listen()
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- l.Serve(ctx, socket, r.proxy) }()
		url := "http://" + socket.Addr().String()
		ws, _, err := websocket.Dial(t.Context(), url+"/open/ws", nil) //nolint:bodyclose // Dial does it
		if err != nil {
			t.Fatal(err)
		}
		answer := make(chan string, 1)
		go func() { answer <- get(t, url+"/open/x") }()
		<-arrived
		stop()
		eventually(t, "the end of the listener", func() bool {
			conn, err := net.Dial("tcp", socket.Addr().String())
			if err == nil {
				conn.Close()
			}
			return err != nil
		})
		if drain == time.Hour {
			if err := ws.Write(t.Context(), websocket.MessageText, []byte("x")); err != nil {
				t.Error(err)
			}
			if _, _, err := ws.Read(t.Context()); err != nil {
				t.Errorf("a WebSocket that may go on: %v", err)
			}
			release <- struct{}{}
			if got := <-answer; got != "200 done" {
				t.Error(got)
			}
			_ = ws.Close(websocket.StatusNormalClosure, "")
		} else {
			if got := <-answer; got != "503 the proxy is shutting down" {
				t.Error(got)
			}
			if _, _, err := ws.Read(t.Context()); err == nil {
				t.Error("a WebSocket lives on")
			}
			close(release)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
}

// full is a disk that is full at first.
type full struct{ emptied atomic.Bool }

func (f *full) Write(p []byte) (int, error) {
	if f.emptied.Load() {
		return len(p), nil
	}
	return 0, errors.New("no space left")
}

// Where no request may go unlogged, a full disk stops the service: callers are
// told so when all places are taken, and go on when there is room again.
func TestFullDisk(t *testing.T) {
	disk := &full{}
	log := accesslog.New(accesslog.Config{Writer: disk, Queue: 1, Block: true})
	r := newRig(t, echo, func(c *proxy.Config) { c.Gate.Log, c.MaxRequests = log, 3 })
	t.Cleanup(func() { _ = log.Close() }) // before the servers, which wait for requests
	var waiting sync.WaitGroup
	for range 8 {
		waiting.Go(func() {
			resp, _ := r.do("GET", "/open/", "")
			if resp.StatusCode != 200 && resp.StatusCode != 503 {
				t.Error(resp.Status)
			}
		})
	}
	eventually(t, "that all places are taken", func() bool { return r.proxy.Ready() != nil })
	if resp, body := r.do("GET", "/open/", ""); resp.StatusCode != 503 || !strings.Contains(body, "(busy)") {
		t.Errorf("%s %s", resp.Status, body)
	}
	disk.emptied.Store(true)
	waiting.Wait()
	eventually(t, "a place", func() bool { return r.proxy.Ready() == nil })
}
