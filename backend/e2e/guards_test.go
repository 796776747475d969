package e2e_test

import (
	"net"
	"net/http"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/grpcverify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/extauthz"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
)

// Whatever ends a credential in Vault cuts the streams that it opened, has
// Envoy told to deny, and leaves those of others alone.
func TestGuards(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	r.contract(t, "billing-to-payments", nil)
	v := r.verifier(t, audience)
	guard := &grpcverify.Guard{Verifier: v, Scopes: map[string][]string{grpc_health_v1.Health_Watch_FullMethodName: {"invoices:read"}}}
	server := grpc.NewServer(guard.ServerOptions()...)
	grpc_health_v1.RegisterHealthServer(server, health.NewServer()) // has a stream
	service := grpc_health_v1.NewHealthClient(serve(t, server))
	g, err := gate.New(gate.Config{Verifier: v, Routes: []gate.Route{{Pattern: "GET /invoices", Scopes: []string{"invoices:read"}}}})
	if err != nil {
		t.Fatal(err)
	}
	envoy := authv3.NewAuthorizationClient(serve(t, extauthz.New(g).GRPC()))

	watch := func(c creds) grpc_health_v1.Health_WatchClient {
		t.Helper()
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+c.Token)
		stream, err := service.Watch(ctx, &grpc_health_v1.HealthCheckRequest{})
		if err == nil {
			_, err = stream.Recv()
		}
		if err != nil {
			t.Fatal(err)
		}
		return stream
	}
	innocent := r.mint(t, r.orders.Client, "billing-to-payments", nil)
	bystander := watch(innocent)
	for name, end := range map[string]func(creds) error{
		"lease":    func(c creds) error { return revokeNow(r.Client, c.Lease) },
		"token":    func(c creds) error { r.write(t, "revoke", fields{"token": c.Token}); return nil },
		"contract": func(creds) error { r.write(t, "roles/orders-to-payments/revoke", nil); return nil },
		"deploy": func(creds) error {
			r.write(t, "roles/orders-to-payments/deploy", fields{"generation": "v2", "overlap": "0s"})
			return nil
		},
	} {
		c := r.mint(t, r.orders.Client, "orders-to-payments", nil)
		stream := watch(c)
		if got := ask(t, envoy, c); got != http.StatusOK {
			t.Fatalf("%s: Envoy is told %d", name, got)
		}
		if err := end(c); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); status.Code(err) != codes.Unauthenticated || errorInfo(err) != string(verify.Revoked) {
			t.Errorf("%s: the stream ended with %v", name, err)
		}
		if got := ask(t, envoy, c); got != http.StatusUnauthorized {
			t.Errorf("%s: Envoy is told %d", name, got)
		}
		if got := ask(t, envoy, innocent); got != http.StatusOK || bystander.Context().Err() != nil {
			t.Errorf("%s: of an innocent, Envoy is told %d; its stream: %v", name, got, bystander.Context().Err())
		}
	}
}

func serve(t *testing.T, server *grpc.Server) *grpc.ClientConn {
	t.Helper()
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
	return conn
}

// ask asks as Envoy does and returns the status that the caller gets, 200 for
// the one of the service.
func ask(t *testing.T, envoy authv3.AuthorizationClient, c creds) int {
	t.Helper()
	asked := &authv3.AttributeContext_HttpRequest{
		Method: "GET", Path: "/invoices", Host: "payments.internal", Scheme: "https",
		HeaderMap: &corev3.HeaderMap{Headers: []*corev3.HeaderValue{{Key: "authorization", RawValue: []byte("Bearer " + c.Token)}}},
	}
	answer, err := envoy.Check(t.Context(), &authv3.CheckRequest{
		Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{Http: asked}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if answer.GetStatus().GetCode() == int32(codes.OK) {
		return http.StatusOK
	}
	return int(answer.GetDeniedResponse().GetStatus().GetCode())
}

func errorInfo(err error) string {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return info.Reason
		}
	}
	return ""
}
