package extauthz_test

import (
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/condition"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/internal/attack"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/accesslog"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/extauthz"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

const (
	host   = "payments.internal"
	origin = "https://" + host
)

// request is one that arrives at Envoy, after Envoy has cleaned it.
type request struct {
	method, path string
	headers      [][2]string // as they came, in lower case as Envoy has them
	certificate  []byte      // DER
	raw          bool        // encode_raw_headers
	change       func(*authv3.CheckRequest)
}

// answer is what becomes of it.
type answer struct {
	status  int         // 200 when Envoy forwards it
	headers [][2]string // to the service, or to the caller when it is denied
	body    string
}

// named are the values under a name.
func (a *answer) named(name string) (values []string) {
	for _, h := range a.headers {
		if h[0] == name {
			values = append(values, h[1])
		}
	}
	return values
}

// envoy asks as Envoy does, and does what the answer says as Envoy does.
type envoy struct {
	authv3.AuthorizationClient
	conn *grpc.ClientConn
}

func (e *envoy) send(t testing.TB, r request) answer {
	t.Helper()
	got, err := e.Check(t.Context(), question(r))
	if err != nil {
		t.Fatalf("%s %s: the server has an error: %v", r.method, r.path, err)
	}
	if got.GetStatus().GetCode() != int32(codes.OK) {
		denied := got.GetDeniedResponse()
		a := answer{status: int(denied.GetStatus().GetCode()), body: denied.GetBody()}
		if a.status < 400 {
			t.Errorf("%s %s: denied with status %d", r.method, r.path, a.status)
		}
		for _, h := range denied.GetHeaders() {
			a.headers = append(a.headers, [2]string{h.Header.Key, h.Header.Value})
		}
		return a
	}
	a := answer{status: http.StatusOK, headers: slices.Clone(r.headers)}
	remove := func(name string) {
		a.headers = slices.DeleteFunc(a.headers, func(h [2]string) bool { return h[0] == name })
	}
	for _, h := range got.GetOkResponse().GetHeaders() { // first these
		if h.Header.Key != strings.ToLower(h.Header.Key) || h.AppendAction != corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD || h.Append != nil { //nolint:staticcheck // deprecated, and still read by Envoy
			t.Errorf("header option %v", h)
		}
		remove(h.Header.Key)
		a.headers = append(a.headers, [2]string{h.Header.Key, h.Header.Value})
	}
	for _, name := range got.GetOkResponse().GetHeadersToRemove() { // then those
		if strings.HasPrefix(name, ":") || name == "host" {
			t.Errorf("Envoy does not remove %s", name)
		}
		remove(name)
	}
	return a
}

func question(r request) *authv3.CheckRequest {
	asked := &authv3.AttributeContext_HttpRequest{
		Id: "1", Method: r.method, Path: sanitized(r.path), Host: host, Scheme: "https", Protocol: "HTTP/1.1", Headers: map[string]string{}, HeaderMap: &corev3.HeaderMap{},
	}
	all := append([][2]string{{":method", r.method}, {":path", r.path}, {":authority", host}, {":scheme", "https"}, {"x-forwarded-proto", "https"}}, r.headers...)
	for _, h := range all {
		if r.raw {
			asked.HeaderMap.Headers = append(asked.HeaderMap.Headers, &corev3.HeaderValue{Key: h[0], RawValue: []byte(h[1])})
			continue
		}
		if _, again := asked.Headers[h[0]]; again {
			asked.Headers[h[0]] += ","
		}
		asked.Headers[h[0]] += sanitized(h[1])
	}
	if !r.raw {
		asked.HeaderMap = nil
	}
	peer := &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: "10.0.0.7", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 41234},
	}}}}
	if r.certificate != nil {
		text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.certificate}))
		peer.Certificate = strings.NewReplacer("\n", "%0A", " ", "%20", "+", "%2B", "/", "%2F", "=", "%3D").Replace(text)
	}
	check := &authv3.CheckRequest{Attributes: &authv3.AttributeContext{Source: peer, Request: &authv3.AttributeContext_Request{Http: asked}}}
	if r.change != nil {
		r.change(check)
	}
	return check
}

// sanitized is what Envoy makes of strings that are not UTF-8.
func sanitized(text string) string { return strings.ToValidUTF8(text, "!") }

type rig struct {
	*attack.World
	envoy
	gate *gate.Gate
}

var routes = []gate.Route{
	{Pattern: "GET /invoices/{id}", Condition: "true"},
	{Pattern: "POST /invoices", Scopes: []string{"invoices:write"}},
	{Pattern: "GET /near", Condition: `request.remote_address == "10.0.0.7"`},
	{Pattern: "GET /far", Condition: `request.remote_address == "10.0.0.8"`},
	{Pattern: "GET /admin/{rest...}", Scopes: []string{"admin"}},
	{Pattern: "GET /public/{rest...}", Public: true},
}

func newRig(t testing.TB, change func(*verify.Config, *gate.Config)) *rig {
	t.Helper()
	w := attack.NewWorld(t, origin)
	of := verify.Config{
		Issuer: w.Issuer.URL, Audience: verifytest.DefaultAudience, Origin: origin, Conditions: condition.NewUseCompiler().Compile, OnError: func(error) {},
	}
	by := gate.Config{Routes: routes}
	if change != nil {
		change(&of, &by)
	}
	var err error
	if by.Verifier, err = verify.New(t.Context(), of); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(by.Verifier.Close)
	g, err := gate.New(by)
	if err != nil {
		t.Fatal(err)
	}
	server := extauthz.New(g).GRPC()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &rig{w, envoy{authv3.NewAuthorizationClient(conn), conn}, g}
}

func bearer(raw string) [][2]string { return [][2]string{{"authorization", "Bearer " + raw}} }

func logTo(t testing.TB, w io.Writer) *accesslog.Log {
	t.Helper()
	return accesslog.New(accesslog.Config{Writer: w, OnError: func(err error) { t.Error(err) }})
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 30 s for %s", what)
		}
	}
}
