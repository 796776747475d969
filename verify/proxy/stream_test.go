package proxy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
)

// talk is a service that answers each line or message with itself, at once.
func talk(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "" {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = conn.CloseNow() }()
		for {
			kind, message, err := conn.Read(r.Context())
			if err != nil || conn.Write(r.Context(), kind, message) != nil {
				return
			}
		}
	}
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex()
	_ = control.Flush()
	lines := bufio.NewReader(r.Body)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		_, _ = io.WriteString(w, line)
		_ = control.Flush()
	}
}

// conversation is a stream that echoes.
type conversation func(message string) (string, error)

func (r *rig) lineTalk(token string, protocols *http.Protocols) conversation {
	r.Helper()
	upload, w := io.Pipe()
	r.Cleanup(func() { w.Close() })
	req, _ := http.NewRequestWithContext(r.Context(), "POST", r.server.URL+"/stream/lines", upload)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := (&http.Transport{Protocols: protocols}).RoundTrip(req)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != 200 {
		r.Fatal(resp.Status)
	}
	answers := bufio.NewReader(resp.Body)
	return func(message string) (string, error) {
		if _, err := fmt.Fprintln(w, message); err != nil {
			return "", err
		}
		line, err := answers.ReadString('\n')
		return strings.TrimSpace(line), err
	}
}

func (r *rig) webSocket(token string) conversation {
	conn := r.dial(r.server.URL, token)
	r.Cleanup(func() { _ = conn.CloseNow() })
	return r.over(conn)
}

// dial opens a WebSocket, which the caller closes.
func (r *rig) dial(url, token string) *websocket.Conn {
	r.Helper()
	conn, _, err := websocket.Dial(r.Context(), url+"/stream/ws", &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}}) //nolint:bodyclose // Dial does it
	if err != nil {
		r.Fatal(err)
	}
	return conn
}

func (r *rig) over(conn *websocket.Conn) conversation {
	return func(message string) (string, error) {
		if err := conn.Write(r.Context(), websocket.MessageText, []byte(message)); err != nil {
			return "", err
		}
		_, answer, err := conn.Read(r.Context())
		return string(answer), err
	}
}

func protocols(http1 bool) *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(http1)
	p.SetUnencryptedHTTP2(!http1)
	return p
}

// A stream goes both ways while its token lives, rests as long as it likes,
// and is cut when the token dies. Others go on.
func TestStreams(t *testing.T) {
	for name, open := range map[string]func(*rig, string) conversation{
		"HTTP/1":    func(r *rig, token string) conversation { return r.lineTalk(token, protocols(true)) },
		"HTTP/2":    func(r *rig, token string) conversation { return r.lineTalk(token, protocols(false)) },
		"WebSocket": func(r *rig, token string) conversation { return r.webSocket(token) },
		"gRPC":      func(r *rig, token string) conversation { return r.grpcTalk(token) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, talk, func(c *proxy.Config) {
				if name == "gRPC" {
					c.Upstream.URL = "h2c://" + grpcEcho(t)
					c.Gate.Routes = []gate.Route{{Pattern: "POST /echo.Echo/Talk", Scopes: []string{"invoices:read"}}}
				}
			})
			token := r.reader()
			dies, lives := open(r, token), open(r, r.reader())
			for i := range 3 {
				for _, say := range []conversation{dies, lives} {
					if got, err := say(fmt.Sprint("hello ", i)); err != nil || got != fmt.Sprint("hello ", i) {
						t.Fatalf("%q %v", got, err)
					}
				}
			}
			r.issuer.Revoke(token)
			eventually(t, "the end of the stream", func() bool { _, err := dies("still there?"); return err != nil })
			eventually(t, "its log entry", func() bool {
				return strings.Contains(r.lines.String(), `"outcome":"failed","reason":"cut"`)
			})
			if got, err := lives("still here"); err != nil || got != "still here" {
				t.Errorf("the other stream: %q %v", got, err)
			}
		})
	}
}

// grpcEcho is a gRPC service that echoes whatever method it is asked.
func grpcEcho(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		in, _ := metadata.FromIncomingContext(stream.Context())
		stream.SetTrailer(metadata.Pairs("seen-caller", strings.Join(in.Get("ramp-caller"), ",")))
		for {
			var message wrapperspb.StringValue
			if err := stream.RecvMsg(&message); err != nil {
				return nil
			}
			if message.Value == "fail" {
				return status.Error(codes.DataLoss, "as you say")
			}
			if err := stream.SendMsg(&message); err != nil {
				return err
			}
		}
	}))
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

func (r *rig) grpcDial() *grpc.ClientConn {
	r.Helper()
	conn, err := grpc.NewClient(r.server.Listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { conn.Close() })
	return conn
}

func (r *rig) grpcTalk(token string) conversation {
	r.Helper()
	ctx := metadata.AppendToOutgoingContext(r.Context(), "authorization", "Bearer "+token)
	stream, err := r.grpcDial().NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/echo.Echo/Talk")
	if err != nil {
		r.Fatal(err)
	}
	return func(message string) (string, error) {
		if err := stream.SendMsg(wrapperspb.String(message)); err != nil {
			return "", err
		}
		var answer wrapperspb.StringValue
		err := stream.RecvMsg(&answer)
		return answer.Value, err
	}
}

func TestGRPC(t *testing.T) {
	r := newRig(t, echo, func(c *proxy.Config) {
		c.Upstream.URL = "h2c://" + grpcEcho(t)
		c.Gate.Routes = []gate.Route{{Pattern: "POST /echo.Echo/Read", Scopes: []string{"invoices:read"}}, {Pattern: "POST /echo.Echo/Write", Scopes: []string{"invoices:write"}}}
	})
	conn := r.grpcDial()
	invoke := func(method, token, message string) (string, metadata.MD, error) {
		ctx := r.Context()
		if token != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token, "ramp-caller", "root")
		}
		var answer wrapperspb.StringValue
		var trailer metadata.MD
		err := conn.Invoke(ctx, method, wrapperspb.String(message), &answer, grpc.Trailer(&trailer))
		return answer.Value, trailer, err
	}
	token := r.reader()
	if got, trailer, err := invoke("/echo.Echo/Read", token, "hello"); err != nil || got != "hello" || strings.Join(trailer.Get("seen-caller"), ",") != "e-orders" {
		t.Errorf("%q %v %v", got, trailer, err)
	}
	for _, c := range []struct {
		method, token, message string
		code                   codes.Code
		says                   string
	}{
		{"/echo.Echo/Read", token, "fail", codes.DataLoss, "as you say"},
		{"/echo.Echo/Read", "", "", codes.Unauthenticated, "the request has no token"},
		{"/echo.Echo/Write", token, "", codes.PermissionDenied, "(scope)"},
		{"/echo.Echo/Other", token, "", codes.Unimplemented, "no route"},
	} {
		_, _, err := invoke(c.method, c.token, c.message)
		if status.Code(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %s %s", c.method, err, c.code, c.says)
		}
	}
}

// A token that ends while a request waits for the service ends the request,
// with the answer that a new request would get.
func TestCutBeforeTheAnswer(t *testing.T) {
	r := newRig(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, nil)
	token := r.reader()
	go func() {
		time.Sleep(50 * time.Millisecond)
		r.issuer.Revoke(token)
	}()
	resp, body := r.do("GET", "/stream/wait", token)
	if e := r.entry(resp); resp.StatusCode != 401 || !strings.Contains(body, "(revoked)") || e.Reason != proxy.ReasonCut || resp.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("%s %s %+v", resp.Status, body, e)
	}
}

// What the service sends arrives when it is sent, trailers at the end.
func TestServerSentEventsAndTrailers(t *testing.T) {
	next := make(chan string)
	r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Trailer", "X-Sum")
		for event := range next {
			fmt.Fprintf(w, "data: %s\n\n", event)
			_ = http.NewResponseController(w).Flush()
		}
		w.Header().Set("X-Sum", "3")
	}, nil)
	req, _ := http.NewRequestWithContext(context.Background(), "GET", r.server.URL+"/open/events", nil)
	resp, err := (&http.Client{}).Do(func() *http.Request { go func() { next <- "0" }(); return req }())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for i := range 3 {
		if i > 0 {
			next <- fmt.Sprint(i)
		}
		if line, err := lines.ReadString('\n'); err != nil || line != fmt.Sprintf("data: %d\n", i) {
			t.Fatalf("%q %v", line, err)
		}
		_, _ = lines.ReadString('\n')
	}
	close(next)
	if _, err := io.Copy(io.Discard, lines); err != nil || resp.Trailer.Get("X-Sum") != "3" {
		t.Errorf("%v %v", err, resp.Trailer)
	}
}

// What there is of an answer arrives, when the rest is late.
func TestSlowAnswer(t *testing.T) {
	came := make(chan struct{})
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "first")
		_ = http.NewResponseController(w).Flush()
		<-came
		_, _ = io.WriteString(w, "later")
	}, nil)
	req, _ := http.NewRequestWithContext(t.Context(), "GET", r.server.URL+"/open/slow", nil)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	part := make([]byte, 5)
	if _, err := io.ReadFull(resp.Body, part); err != nil || string(part) != "first" {
		t.Fatalf("%q %v", part, err)
	}
	close(came)
	if rest, err := io.ReadAll(resp.Body); err != nil || string(rest) != "later" {
		t.Errorf("%q %v", rest, err)
	}
}

// The service may answer before it has the whole body, and whatever still
// reads the body then must not touch what is not its own any more.
func TestAnswerBeforeTheBody(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }, nil)
	for _, http1 := range []bool{true, false} {
		transport := &http.Transport{Protocols: protocols(http1)}
		for range 50 {
			upload, w := io.Pipe()
			go func() {
				for {
					if _, err := w.Write(make([]byte, 10_000)); err != nil {
						return
					}
				}
			}()
			req, _ := http.NewRequestWithContext(t.Context(), "POST", r.server.URL+"/open/x", upload)
			resp, err := transport.RoundTrip(req)
			if err != nil && http1 { // the rest of the body met a closed connection
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != http.StatusTeapot && resp.StatusCode != http.StatusBadGateway {
				t.Error(resp.Status)
			}
			resp.Body.Close()
			upload.Close()
		}
		transport.CloseIdleConnections()
	}
}

// A service that ends its HTTP/2 connections all the time (GOAWAY) costs no
// request: what it did not look at is sent again, with its body.
func TestGoAway(t *testing.T) {
	service := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close") // which net/http says by GOAWAY
		_, _ = io.Copy(w, r.Body)
	}))
	service.EnableHTTP2 = true
	service.StartTLS()
	t.Cleanup(service.Close)
	trusted := x509.NewCertPool()
	trusted.AddCert(service.Certificate())
	r := newRig(t, echo, func(c *proxy.Config) {
		c.Upstream = proxy.Upstream{URL: service.URL, TLS: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}}
	})
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for range 40 {
				resp, err := http.Post(r.server.URL+"/open/x", "text/plain", strings.NewReader("hello"))
				if err != nil {
					t.Error(err)
					return
				}
				text, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				if resp.StatusCode != 200 || string(text) != "hello" {
					t.Errorf("%s %s", resp.Status, text)
					return
				}
			}
		})
	}
	callers.Wait()
}
