package grpcverify_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/condition"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/grpcverify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// rig is a service behind TLS that a guard protects, and its issuer.
type rig struct {
	*verifytest.Issuer
	verifier *verify.Verifier
	addr     string
	service  *service
	roots    *x509.CertPool
}

// service answers with who calls.
type service struct {
	testgrpc.UnimplementedTestServiceServer
	streamEnded chan error // what the handlers of streams saw at their end
}

func (s *service) UnaryCall(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	id, _ := verify.FromContext(ctx)
	return &testgrpc.SimpleResponse{Username: id.Subject}, nil
}

func (s *service) EmptyCall(ctx context.Context, in *testgrpc.Empty) (*testgrpc.Empty, error) {
	if id, ok := verify.FromContext(ctx); ok {
		panic("nobody asked who " + id.Subject + " is")
	}
	return in, nil
}

func (s *service) FullDuplexCall(stream testgrpc.TestService_FullDuplexCallServer) error {
	for {
		in, err := stream.Recv()
		if err != nil {
			s.streamEnded <- err
			return err
		}
		if err := stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: in.Payload}); err != nil {
			s.streamEnded <- err
			return err
		}
	}
}

func (s *service) CacheableUnaryCall(context.Context, *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	return &testgrpc.SimpleResponse{}, nil
}

// StreamingOutputCall sends one message, then more until it may not, or waits.
func (s *service) StreamingOutputCall(in *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer) error {
	err := stream.Send(&testgrpc.StreamingOutputCallResponse{})
	for err == nil && in.Payload != nil {
		err = stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: in.Payload})
	}
	<-stream.Context().Done()
	s.streamEnded <- context.Cause(stream.Context())
	return nil
}

func newRig(t *testing.T, change func(*verify.Config)) *rig {
	t.Helper()
	return newRigOf(t, verifytest.New(t), change)
}

func newRigOf(t *testing.T, issuer *verifytest.Issuer, change func(*verify.Config)) *rig {
	t.Helper()
	r := &rig{Issuer: issuer, service: &service{streamEnded: make(chan error, 100)}}
	config := verify.Config{
		Issuer: r.URL, Audience: verifytest.DefaultAudience, OnError: func(err error) { t.Log(err) }, Conditions: condition.NewUseCompiler().Compile,
	}
	if change != nil {
		change(&config)
	}
	var err error
	if r.verifier, err = verify.New(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.verifier.Close)
	guard := &grpcverify.Guard{
		Verifier: r.verifier,
		Scopes: map[string][]string{
			testgrpc.TestService_UnaryCall_FullMethodName:           {"invoices:read"},
			testgrpc.TestService_CacheableUnaryCall_FullMethodName:  {},
			testgrpc.TestService_FullDuplexCall_FullMethodName:      {"invoices:read", "invoices:write"},
			testgrpc.TestService_StreamingOutputCall_FullMethodName: {"invoices:read"},
		},
		Public: []string{testgrpc.TestService_EmptyCall_FullMethodName},
	}
	certificate := selfSigned(t)
	options := append(guard.ServerOptions(), grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS13,
	})))
	server := grpc.NewServer(options...)
	testgrpc.RegisterTestServiceServer(server, r.service)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr, r.roots = listener.Addr().String(), x509.NewCertPool()
	r.roots.AddCert(certificate.Leaf)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return r
}

// dial connects, with a client certificate if there is one.
func (r *rig) dial(t *testing.T, certificates []tls.Certificate, options ...grpc.DialOption) testgrpc.TestServiceClient {
	t.Helper()
	options = append(options, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: r.roots, Certificates: certificates, MinVersion: tls.VersionTLS13})))
	conn, err := grpc.NewClient(r.addr, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return testgrpc.NewTestServiceClient(conn)
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func bearer(ctx context.Context, raw string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+raw)
}

// reason is the machine-readable reason of a status.
func reason(err error) verify.Reason {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.Domain == grpcverify.Domain {
			return verify.Reason(info.Reason)
		}
	}
	return ""
}
