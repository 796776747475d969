package egress_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/egress"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// issuer mints real tokens, and remembers the last.
type issuer struct {
	*verifytest.Issuer
	scopes []string

	mu     sync.Mutex
	tokens []string
	err    error
}

func (i *issuer) Fetch(_ context.Context, key egress.Key) (*egress.Credential, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err != nil {
		return nil, i.err
	}
	want := verifytest.Token{Scopes: i.scopes, JKT: key.Thumbprint}
	kind := "Bearer"
	if key.Thumbprint != "" {
		kind = "DPoP"
	}
	if block, _ := pem.Decode([]byte(key.Certificate)); block != nil {
		sum := sha256.Sum256(block.Bytes)
		want.X5T = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	raw := i.Issue(want)
	i.tokens = append(i.tokens, raw)
	return &egress.Credential{Token: raw, Type: kind, Lease: raw, TTL: time.Hour, Renewable: true}, nil
}

func (i *issuer) Renew(context.Context, string) (time.Duration, error) { return time.Hour, nil }
func (i *issuer) Revoke(context.Context, string) error                 { return nil }

func (i *issuer) last() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.tokens[len(i.tokens)-1]
}

func (i *issuer) fail(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.err = err
}

// rig is an issuer, a service that verifies, and an egress to it.
type rig struct {
	*issuer
	service *httptest.Server
	egress  *egress.Transport
	local   *httptest.Server
	arrived atomic.Int64 // at the service, refused ones too
}

func newRig(t *testing.T, handle http.HandlerFunc, change func(*egress.Config, *httptest.Server)) *rig {
	t.Helper()
	r := &rig{issuer: &issuer{Issuer: verifytest.New(t), scopes: []string{"read"}}}
	v, err := verify.New(t.Context(), verify.Config{Issuer: r.URL, Audience: verifytest.DefaultAudience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	checked := v.Handler(handle, "read")
	r.service = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.arrived.Add(1)
		checked.ServeHTTP(w, req)
	}))
	r.service.Config.Protocols = new(http.Protocols)
	r.service.Config.Protocols.SetHTTP1(true)
	r.service.Config.Protocols.SetUnencryptedHTTP2(true)
	c := egress.Config{Source: r.issuer, OnError: func(err error) { t.Log(err) }}
	if change != nil {
		change(&c, r.service)
	}
	if r.service.URL == "" {
		r.service.Start()
	}
	t.Cleanup(r.service.Close)
	if c.Upstream == "" {
		c.Upstream = r.service.URL
	}
	if r.egress, err = egress.New(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.egress.Close)
	r.local = httptest.NewUnstartedServer(r.egress.Local(r.egress.Handler()))
	r.local.Config.Protocols = new(http.Protocols)
	r.local.Config.Protocols.SetHTTP1(true)
	r.local.Config.Protocols.SetUnencryptedHTTP2(true)
	r.local.Start()
	t.Cleanup(r.local.Close)
	return r
}

func (r *rig) send(t *testing.T, method, path string, body io.Reader, change func(*http.Request)) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequest(method, r.local.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(req)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header
}

// echo answers with what it got.
func echo(w http.ResponseWriter, r *http.Request) {
	id, _ := verify.FromContext(r.Context())
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s %s %s", id.Caller, r.Method, r.RequestURI, r.Header.Values("Authorization"), body)
}

func TestInjects(t *testing.T) {
	r := newRig(t, echo, nil)
	status, said, _ := r.send(t, "POST", "/a%2Fb//c?x=%zz;y", strings.NewReader("hello"), func(req *http.Request) {
		req.Header["Authorization"] = []string{"Basic bWU6bWU=", "Bearer mine"}
		req.Header.Set("DPoP", "a proof of mine")
		req.Header.Set("Proxy-Authorization", "Basic x")
		req.Header.Set("Connection", "Authorization")
	})
	if want := "e-orders POST /a%2Fb//c?x=%zz;y [Bearer " + r.last() + "] hello"; status != 200 || said != want {
		t.Errorf("%d %s, want %s", status, said, want)
	}
}

func TestDPoP(t *testing.T) {
	r := newRig(t, echo, func(c *egress.Config, _ *httptest.Server) { c.Proof = egress.DPoP })
	for range 3 { // a proof is used once
		if status, said, _ := r.send(t, "PUT", "/a%20b/c?d=e", strings.NewReader("x"), nil); status != 200 || !strings.Contains(said, "[DPoP ") {
			t.Fatal(status, said)
		}
	}
	r.Issuer.Revoke(r.last())
	eventually(t, "the credential to be replaced", func() bool {
		status, said, _ := r.send(t, "GET", "/", nil, nil)
		if status != 200 {
			t.Fatal(status, said)
		}
		return r.egress.Stats().Repeated > 0
	})
}

// The certificate is replaced while requests flow: no request bears a token
// with another's certificate.
func TestMTLS(t *testing.T) {
	var current atomic.Pointer[tls.Certificate]
	current.Store(newCertificate(t))
	r := newRig(t, echo, func(c *egress.Config, s *httptest.Server) {
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequireAnyClientCert}
		s.StartTLS()
		c.Proof, c.TLS = egress.MTLS, s.Client().Transport.(*http.Transport).TLSClientConfig
		c.Certificate = func() (*tls.Certificate, error) { return current.Load(), nil }
	})
	if status, said, _ := r.send(t, "GET", "/", nil, nil); status != 200 {
		t.Fatal(status, said)
	}
	first := r.last()
	current.Store(newCertificate(t))
	eventually(t, "a token for the new certificate", func() bool {
		if status, said, _ := r.send(t, "GET", "/", nil, nil); status != 200 {
			t.Fatal(status, said)
		}
		return r.last() != first
	})
	if status, said, _ := r.send(t, "GET", "/", nil, nil); status != 200 || !strings.Contains(said, r.last()) {
		t.Fatal(status, said)
	}
}

func newCertificate(t *testing.T) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// What is revoked under requests in flight is replaced, and they are repeated:
// those whose body is there to be sent again.
func TestRepeats(t *testing.T) {
	r := newRig(t, echo, nil)
	if status, _, _ := r.send(t, "GET", "/", nil, nil); status != 200 {
		t.Fatal(status)
	}
	r.revokeAndWait(t)
	small, large := strings.Repeat("s", 64<<10), strings.Repeat("l", 64<<10+1)
	for name, body := range map[string]io.Reader{"too large": strings.NewReader(large), "of unknown length": io.MultiReader(strings.NewReader(small))} {
		if status, said, h := r.send(t, "POST", "/", body, nil); status != 401 || !strings.Contains(said, "(revoked)") || h.Get("WWW-Authenticate") == "" {
			t.Errorf("a body %s: %d %.100s", name, status, said)
		}
	}
	before := r.arrived.Load()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if status, said, _ := r.send(t, "POST", "/", strings.NewReader(small), nil); status != 200 || !strings.HasSuffix(said, small) {
				t.Errorf("%d %.100s", status, said)
			}
		})
	}
	all.Wait()
	s := r.egress.Stats()
	if s.Fetched != 2 || s.Repeated == 0 || r.arrived.Load() != before+20+int64(s.Repeated) {
		t.Errorf("%+v, %d arrived", s, r.arrived.Load()-before)
	}
	if status, said, _ := r.send(t, "POST", "/", strings.NewReader(large), nil); status != 200 {
		t.Errorf("%d %.100s", status, said)
	}
}

// revokeAndWait revokes the credential in use, and waits until the service
// knows, which a stranger's request shows.
func (r *rig) revokeAndWait(t *testing.T) {
	t.Helper()
	r.Issuer.Revoke(r.last())
	eventually(t, "the service to hear of it", func() bool {
		req, err := http.NewRequest(http.MethodGet, r.service.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+r.last())
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusUnauthorized
	})
}

// A refusal that is not about a dead credential is the caller's to see, and
// costs the issuer nothing.
func TestOtherRefusals(t *testing.T) {
	for _, challenge := range []string{"", `Bearer`, `Basic realm="x"`, `DPoP error="invalid_dpop_proof"`, `Bearer error="insufficient_scope"`} {
		status := 401
		if strings.Contains(challenge, "scope") {
			status = 403
		}
		upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", challenge)
			w.WriteHeader(status)
		}))
		r := newRig(t, echo, func(c *egress.Config, _ *httptest.Server) { c.Upstream = upstream.URL })
		for range 50 {
			if got, _, h := r.send(t, "GET", "/", nil, nil); got != status || h.Get("WWW-Authenticate") != challenge {
				t.Fatal(got, h)
			}
		}
		if s := r.egress.Stats(); s.Repeated != 0 || s.Fetched > 2 || status == 401 && s.Fetched > 1 {
			t.Errorf("%s: %+v", challenge, s)
		}
		upstream.Close()
	}
}

// Rights that grew are fetched when a request needs them.
func TestGrows(t *testing.T) {
	r := newRig(t, echo, nil)
	r.egress.Close()
	r.scopes = []string{"nothing"}
	e, err := egress.New(egress.Config{Upstream: r.service.URL, Source: r.issuer})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	client := &http.Client{Transport: e}
	get := func() int {
		resp, err := client.Get(r.service.URL)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	if err := e.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	r.scopes = []string{"read"}
	r.mu.Unlock()
	eventually(t, "the scope", func() bool { return get() == 200 })
	if s := e.Stats(); s.Fetched != 2 || s.Repeated != 0 {
		t.Errorf("%+v", s)
	}
}

func TestDenialsAndOutages(t *testing.T) {
	r := newRig(t, echo, nil)
	if err := r.egress.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.revokeAndWait(t)
	r.fail(&egress.Denied{Reason: "denied: the caller is suspended (caller_suspended)"})
	if status, said, _ := r.send(t, "GET", "/", nil, nil); status != 502 || !strings.Contains(said, "(caller_suspended)") {
		t.Error(status, said)
	}
	r.fail(errors.New("Vault is sealed"))
	eventually(t, "the outage to be told", func() bool {
		status, said, h := r.send(t, "GET", "/", nil, nil)
		return status == 503 && strings.Contains(said, "Vault is sealed") && h.Get("Retry-After") != ""
	})
	r.fail(nil)
	eventually(t, "a credential", func() bool { status, _, _ := r.send(t, "GET", "/", nil, nil); return status == 200 })
	r.service.Close()
	if status, said, _ := r.send(t, "GET", "/", nil, nil); status != 502 || !strings.Contains(said, "the upstream cannot be reached") || strings.Contains(said, r.last()) {
		t.Error(status, said)
	}
}

// Nobody but the upstream is shown the token, whoever redirects.
func TestRedirects(t *testing.T) {
	var got atomic.Value
	got.Store("never asked")
	stranger := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got.Store(fmt.Sprint(r.Header["Authorization"], r.Header["Dpop"]))
	}))
	defer stranger.Close()
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/base/away":
			http.Redirect(w, req, stranger.URL+"/x", http.StatusTemporaryRedirect)
		case "/base/home":
			w.Header().Set("Location", "http://"+req.Host+"/base/a%2Fb?c=d#e")
			w.WriteHeader(http.StatusFound)
		default:
			echo(w, req)
		}
	}, func(c *egress.Config, s *httptest.Server) {
		s.Start()
		c.Upstream, c.Proof = s.URL+"/base", egress.DPoP
	})
	client := &http.Client{Transport: r.egress}
	resp, err := client.Get(r.service.URL + "/base/away")
	if err != nil || resp.StatusCode != 200 || got.Load() != "[] []" {
		t.Errorf("a stranger got %v, %v", got.Load(), err)
	}
	_ = resp.Body.Close()
	if status, _, h := r.send(t, "GET", "/away", nil, nil); status != 307 || h.Get("Location") != stranger.URL+"/x" {
		t.Error(status, h)
	}
	if status, _, h := r.send(t, "GET", "/home", nil, nil); status != 302 || h.Get("Location") != "/a%2Fb?c=d#e" {
		t.Error(status, h)
	}
	for _, near := range []string{"http://" + strings.Replace(r.service.Listener.Addr().String(), "127.0.0.1", "localhost", 1), "https://" + r.service.Listener.Addr().String()} {
		req, _ := http.NewRequest(http.MethodGet, near, nil)
		resp, err := r.egress.RoundTrip(req)
		if err == nil {
			if resp.StatusCode == 200 {
				t.Errorf("%s got the token", near)
			}
			_ = resp.Body.Close()
		}
	}
}

// A page in a browser cannot use the listener, nor can a caller that takes it
// for a proxy to everywhere.
func TestLocal(t *testing.T) {
	r := newRig(t, echo, nil)
	upstream, _ := url.Parse(r.service.URL)
	for host, want := range map[string]int{
		"localhost:1": 200, "127.0.0.1": 200, "[::1]:9": 200, upstream.Host: 200, "evil.example": 421, "evil.example:80": 421, "localhost.evil.example": 421, "169.254.169.254": 421, "": 400,
	} {
		conn, err := net.Dial("tcp", r.local.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		header := "Host: " + host + "\r\n"
		if host == "" {
			header = ""
		}
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\n"+header+"Connection: close\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("host %q: %s", host, resp.Status)
		}
		_ = conn.Close()
	}
	for _, method := range []string{"GET", "POST"} {
		for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
			if status, _, _ := r.send(t, method, "/", nil, func(req *http.Request) { req.Header.Set(name, value) }); status != http.StatusForbidden {
				t.Errorf("%s by a page of another origin (%s): %d", method, name, status)
			}
		}
	}
	if status, _, _ := r.send(t, "GET", "/", nil, func(req *http.Request) { req.Header.Set("Origin", r.local.URL) }); status != http.StatusOK {
		t.Errorf("a page of its own: %d", status)
	}
	status, _, _ := r.send(t, "CONNECT", "/", nil, func(req *http.Request) { req.Host = "evil.example:443"; req.URL.Opaque = "evil.example:443" })
	if status != http.StatusMisdirectedRequest {
		t.Errorf("CONNECT: %d", status)
	}
}

// Streams both ways, upgrades and HTTP/2 pass.
func TestStreams(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Upgrade") != "" {
			conn, buffered, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
			line, _ := buffered.ReadString('\n')
			_, _ = io.WriteString(conn, line)
			return
		}
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex()
		w.Header().Set("Trailer", "Grpc-Status")
		for lines := bufio.NewScanner(req.Body); lines.Scan(); {
			fmt.Fprintln(w, req.Proto, lines.Text())
			_ = control.Flush()
		}
		w.Header().Set("Grpc-Status", "0")
	}, nil)

	conn, err := net.Dial("tcp", r.local.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	reader := bufio.NewReader(conn)
	upgraded, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer upgraded.Body.Close()
	if upgraded.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(upgraded.Status)
	}
	fmt.Fprintln(conn, "hello")
	if line, err := reader.ReadString('\n'); err != nil || line != "hello\n" {
		t.Errorf("%q %v", line, err)
	}

	h2c, err := egress.New(egress.Config{Upstream: "h2c://" + r.service.Listener.Addr().String(), Source: r.issuer})
	if err != nil {
		t.Fatal(err)
	}
	defer h2c.Close()
	local := httptest.NewUnstartedServer(h2c.Handler())
	local.Config.Protocols = r.local.Config.Protocols
	local.Start()
	defer local.Close()
	client := &http.Client{Transport: &http.Transport{Protocols: new(http.Protocols)}}
	client.Transport.(*http.Transport).Protocols.SetUnencryptedHTTP2(true)
	from, to := io.Pipe()
	req, err := http.NewRequest(http.MethodPost, local.URL, from)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("TE", "trailers")
	go func() { fmt.Fprintln(to, "one") }()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for _, want := range []string{"one", "two"} {
		if line, err := lines.ReadString('\n'); err != nil || line != "HTTP/2.0 "+want+"\n" {
			t.Fatalf("%q %v", line, err)
		}
		if want == "one" {
			go func() { fmt.Fprintln(to, "two"); _ = to.Close() }()
		}
	}
	if _, err := io.Copy(io.Discard, lines); err != nil || resp.Trailer.Get("Grpc-Status") != "0" {
		t.Error(resp.Trailer, err)
	}
}

func TestListen(t *testing.T) {
	for address, ok := range map[string]bool{
		"127.0.0.1:0": true, "localhost:0": true, "[::1]:0": true, "0.0.0.0:0": false, ":0": false, "192.0.2.1:0": false, "localhost": false, "unix:": false, "example.com:80": false,
	} {
		if err := egress.CheckListen(address, false); (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
	}
	if err := egress.CheckListen("0.0.0.0:0", true); err != nil {
		t.Error(err)
	}
	path := "unix:" + filepath.Join(t.TempDir(), "s")
	first, err := egress.Listen(path, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := egress.Listen(path, false); err == nil || !strings.Contains(err.Error(), "somebody listens") {
		t.Error(err)
	}
	first.(*net.UnixListener).SetUnlinkOnClose(false) // as a killed process leaves it
	_ = first.Close()
	second, err := egress.Listen(path, false)
	if err != nil {
		t.Fatal(err)
	}
	_ = second.Close()
}

func TestBadConfig(t *testing.T) {
	for _, c := range []egress.Config{
		{}, {Upstream: "payments"}, {Upstream: "ftp://127.0.0.1"}, {Upstream: "http://payments.internal"}, {Upstream: "h2c://10.0.0.1"}, {Upstream: "https://u:p@payments"}, {Upstream: "https://payments?x"},
		{Upstream: "https://payments", Proof: "pgp"}, {Upstream: "https://payments", Proof: egress.MTLS},
		{Upstream: "http://127.0.0.1", Proof: egress.MTLS, Certificate: func() (*tls.Certificate, error) { return nil, nil }},
	} {
		if err := c.Check(); err == nil {
			t.Errorf("%+v is good", c)
		}
		if _, err := egress.New(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
	if _, err := egress.New(egress.Config{Upstream: "https://payments"}); err == nil {
		t.Error("credentials from nowhere")
	}
	good := egress.Config{Upstream: "http://payments.internal", Plaintext: true}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 30 s for %s", what)
		}
	}
}

// An upstream that ends its HTTP/2 connections all the time (GOAWAY), as one
// that is reloaded does once, costs no request.
func TestGoAway(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Connection", "close") // which net/http says by GOAWAY
		_, _ = io.Copy(w, req.Body)
	}, func(c *egress.Config, s *httptest.Server) {
		s.Start()
		c.Upstream = strings.Replace(s.URL, "http://", "h2c://", 1)
	})
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for range 40 {
				if status, said, _ := r.send(t, "POST", "/", strings.NewReader("hello"), nil); status != 200 || said != "hello" {
					t.Error(status, said)
					return
				}
			}
		})
	}
	callers.Wait()
}
