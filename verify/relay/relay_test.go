package relay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/condition"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/relay"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// upstream is the way to an issuer, which counts requests and can be cut.
type upstream struct {
	url       string
	asked     atomic.Int64
	snapshots atomic.Int64
	cut       atomic.Bool
	replace   atomic.Pointer[string] // the body of documents
}

func inFrontOf(t *testing.T, i *verifytest.Issuer) *upstream {
	t.Helper()
	target, _ := url.Parse(strings.TrimSuffix(i.URL, "/v1/ramp"))
	proxy := httputil.NewSingleHostReverseProxy(target)
	u := &upstream{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.asked.Add(1)
		if strings.HasSuffix(r.URL.Path, "/feed") && r.FormValue("after") == "" {
			u.snapshots.Add(1)
		}
		if u.cut.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		if body := u.replace.Load(); body != nil && !strings.HasSuffix(r.URL.Path, "/feed") {
			_, _ = io.WriteString(w, *body)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	u.url = s.URL + "/v1/ramp"
	return u
}

// run starts a relay and returns the URL at which it stands in for the issuer.
func run(t *testing.T, c relay.Config) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	runAt(t, c, listener)
	return "http://" + listener.Addr().String() + "/v1/ramp"
}

// runAt returns what stops the relay.
func runAt(t *testing.T, c relay.Config, listener net.Listener) func() {
	t.Helper()
	if c.OnError == nil {
		c.OnError = func(err error) { t.Log("relay:", err) }
	}
	r, err := relay.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	server := r.Server()
	var work sync.WaitGroup
	work.Go(func() { r.Run(ctx) })
	work.Go(func() { _ = server.Serve(listener) })
	end := sync.OnceFunc(func() {
		stop()
		_ = server.Close()
		work.Wait()
	})
	t.Cleanup(end)
	base := "http://" + listener.Addr().String()
	eventually(t, "the relay to follow", func() bool { status, _ := get(t, base+"/healthz"); return status == http.StatusOK })
	return end
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute for %s", what)
		}
	}
}

func follow(t *testing.T, c verify.Config) *verify.Verifier {
	t.Helper()
	c.Audience = verifytest.DefaultAudience
	v, err := verify.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

func refusal(v *verify.Verifier, raw string) verify.Reason {
	_, err := v.Verify(context.Background(), raw, verify.Requirements{})
	var r *verify.Refusal
	if errors.As(err, &r) {
		return r.Reason
	}
	return ""
}

// Deaths reach everybody behind a relay; the issuer has one follower.
func TestManyFollowers(t *testing.T) {
	i := verifytest.New(t)
	u := inFrontOf(t, i)
	at := run(t, relay.Config{Issuer: i.URL, Endpoints: []string{u.url}})
	const n = 200
	followers := make([]*verify.Verifier, n)
	var start sync.WaitGroup
	for k := range followers {
		start.Go(func() { followers[k] = follow(t, verify.Config{Issuer: i.URL, Endpoints: []string{at}}) })
	}
	start.Wait()
	if got := u.snapshots.Load(); got > 10 {
		t.Errorf("the issuer was asked for %d snapshots", got)
	}
	for range 5 {
		raw, other := i.Issue(verifytest.Token{}), i.Issue(verifytest.Token{})
		i.Revoke(raw)
		for k, v := range followers {
			eventually(t, fmt.Sprintf("follower %d to hear of it", k), func() bool { return refusal(v, raw) == verify.Revoked })
			if got := refusal(v, other); got != "" {
				t.Errorf("an innocent token was refused: %s", got)
			}
		}
	}
	if got := u.asked.Load(); got > n {
		t.Errorf("the issuer was asked %d times", got)
	}
}

// A relay behind a relay, and a verifier behind both.
func TestRelayOfRelay(t *testing.T) {
	i := verifytest.New(t)
	first := run(t, relay.Config{Issuer: i.URL})
	second := run(t, relay.Config{Issuer: i.URL, Relays: []string{first}})
	v := follow(t, verify.Config{Issuer: i.URL, Endpoints: []string{second}})
	raw := i.Issue(verifytest.Token{})
	i.Revoke(raw)
	eventually(t, "the revocation", func() bool { return refusal(v, raw) == verify.Revoked })
}

// When a relay dies, followers go on elsewhere.
func TestRelayDies(t *testing.T) {
	i := verifytest.New(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	die := runAt(t, relay.Config{Issuer: i.URL}, listener)
	at := "http://" + listener.Addr().String() + "/v1/ramp"
	v := follow(t, verify.Config{Issuer: i.URL, Relays: []string{at}, OnError: func(err error) { t.Log("verifier:", err) }})
	die()
	raw := i.Issue(verifytest.Token{})
	i.Revoke(raw)
	eventually(t, "the revocation", func() bool { return refusal(v, raw) == verify.Revoked })
}

// A relay that is cut off from its issuer says so; followers find out that what
// they get is old, and go on elsewhere.
func TestRelayIsCutOff(t *testing.T) {
	i := verifytest.New(t)
	u := inFrontOf(t, i)
	said := make(chan error, 1000)
	at := run(t, relay.Config{Issuer: i.URL, Endpoints: []string{u.url}, OnError: func(err error) { said <- err }})
	complaints := make(chan string, 1000)
	v := follow(t, verify.Config{Issuer: i.URL, Relays: []string{at}, MaxStaleness: 6 * time.Second, OnError: func(err error) { complaints <- err.Error() }})
	u.cut.Store(true)
	t.Log("relay:", <-said)
	raw := i.Issue(verifytest.Token{})
	i.Revoke(raw)
	eventually(t, "the revocation", func() bool { return refusal(v, raw) == verify.Revoked })
	if c := <-complaints; !strings.Contains(c, "its last message is") {
		t.Errorf("the verifier said %q", c)
	}
	if status, body := get(t, strings.TrimSuffix(at, "/v1/ramp")+"/healthz"); status == http.StatusOK {
		eventually(t, "the relay to be unhealthy", func() bool {
			status, body = get(t, strings.TrimSuffix(at, "/v1/ramp")+"/healthz")
			return status == http.StatusServiceUnavailable
		})
		t.Log(body)
	}
	u.cut.Store(false)
	eventually(t, "the relay to recover", func() bool {
		status, _ := get(t, strings.TrimSuffix(at, "/v1/ramp")+"/healthz")
		return status == http.StatusOK
	})
}

// Whoever waits gets an answer when the relay stops.
func TestStopAnswersWhoWaits(t *testing.T) {
	i := verifytest.New(t)
	r, err := relay.New(relay.Config{Issuer: i.URL, MaxWait: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	go r.Run(ctx)
	s := httptest.NewServer(r.Handler())
	t.Cleanup(s.Close)
	eventually(t, "the relay to follow", func() bool { status, _ := get(t, s.URL+"/healthz"); return status == http.StatusOK })
	answered := make(chan int)
	go func() {
		status, _ := get(t, s.URL+"/v1/ramp/feed?wait=1h&after="+fmt.Sprint(uint64(1)<<32))
		answered <- status
	}()
	eventually(t, "the follower to wait", func() bool { _, m := get(t, s.URL+"/metrics"); return strings.Contains(m, "followers_waiting 1") })
	stop()
	if got := <-answered; got != http.StatusOK {
		t.Errorf("status %d", got)
	}
}

func TestStrangers(t *testing.T) {
	i := verifytest.New(t)
	u := inFrontOf(t, i)
	at := run(t, relay.Config{Issuer: i.URL, Endpoints: []string{u.url}, MaxWaiting: 1})
	for path, want := range map[string]int{
		"/feed":                 http.StatusOK,
		"/feed?after=0&wait=1m": http.StatusOK,
		"/feed?after=-1":        http.StatusBadRequest,
		"/feed?after=1&wait=x":  http.StatusBadRequest,
		"/feed?after=18446744073709551615&wait=1ms": http.StatusServiceUnavailable, // ahead of the relay
		"/.well-known/jwks.json":                    http.StatusOK,
		"/.well-known/openid-configuration":         http.StatusNotFound, // this issuer has none
		"/status/abc/0":                             http.StatusNotFound,
		"/status/abc/00":                            http.StatusNotFound,
		"/status/../config":                         http.StatusNotFound,
		"/roles/x":                                  http.StatusNotFound,
		"/conditions/a/b":                           http.StatusNotFound,
		"/":                                         http.StatusNotFound,
	} {
		if status, body := get(t, at+path); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	resp, err := http.Post(at+"/feed", "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a request with a body: %s", resp.Status)
	}

	// A thousand strange documents do not become a thousand questions to the issuer.
	before := u.asked.Load()
	refused := 0
	for n := range 1000 {
		if status, _ := get(t, fmt.Sprintf("%s/status/x%d/0", at, n)); status == http.StatusTooManyRequests {
			refused++
		}
	}
	if asked := u.asked.Load() - before; refused == 0 || asked > 900 {
		t.Errorf("%d refused, %d asked", refused, asked)
	}
}

// Who makes up documents keeps nobody from the keys.
func TestStrangersAndKeys(t *testing.T) {
	at := run(t, relay.Config{Issuer: verifytest.New(t).URL})
	var refused atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var flood sync.WaitGroup
	for flow := range 4 {
		flood.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if status, _ := get(t, fmt.Sprintf("%s/status/x%dx%d/0", at, flow, n)); status == http.StatusTooManyRequests {
					refused.Add(1)
				}
			}
		})
	}
	eventually(t, "strangers to be refused", func() bool { return refused.Load() > 100 })
	for _, path := range []string{"/.well-known/jwks.json", "/.well-known/openid-configuration", "/bundle"} {
		if status, said := get(t, at+path); status == http.StatusTooManyRequests {
			t.Errorf("%s: %d %s", path, status, said)
		}
	}
	stop()
	flood.Wait()
}

// What is not from the issuer is not passed on.
func TestJunkStopsHere(t *testing.T) {
	i := verifytest.New(t)
	u := inFrontOf(t, i)
	conditions := ramp.RequestConditions{{Name: "a", Expression: "true"}}
	raw := i.Issue(verifytest.Token{Conditions: conditions})
	at := run(t, relay.Config{Issuer: i.URL, Endpoints: []string{u.url}})
	for _, junk := range []string{"", "<html>sign in</html>", `{"keys":[]}`, `{"issuer":"https://evil.example.com"}`, i.Sign("statuslist+jwt", map[string]any{"sub": i.URL + "/status/other/0"})} {
		u.replace.Store(&junk)
		for _, path := range []string{"/.well-known/jwks.json", "/.well-known/openid-configuration", "/status/abc/0", "/conditions/orders/" + conditions.Digest()} {
			if status, body := get(t, at+path); status != http.StatusBadGateway {
				t.Errorf("%s: %d %s", path, status, body)
			}
		}
	}
	u.replace.Store(nil)
	v := follow(t, verify.Config{Issuer: i.URL, Endpoints: []string{at}, Conditions: condition.NewUseCompiler().Compile})
	if got := refusal(v, raw); got != "" {
		t.Errorf("refused: %s", got)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []relay.Config{
		{}, {Issuer: "ramp"}, {Issuer: "https://a/b/"}, {Issuer: "https://a/../b"}, {Issuer: "https://a/{b}"}, {Issuer: "http://a.example/b"},
		{Issuer: "https://a/b", Files: relay.Files{Contracts: []string{"../x"}}},
	} {
		if _, err := relay.New(c); err == nil {
			t.Errorf("%+v is fine", c)
		} else {
			t.Log(err)
		}
	}
}
