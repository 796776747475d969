package grpcverify_test

import (
	"context"
	"crypto/tls"
	"log"
	"net"
	"os"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/grpcverify"
)

// A server that asks for a scope with each method, but for health checks.
func ExampleGuard() {
	verifier, err := verify.New(context.Background(), verify.Config{
		Issuer:   "https://vault.example.com:8200/v1/ramp",
		Audience: "https://payments.internal",
		OnError:  func(err error) { log.Println("ramp:", err) },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer verifier.Close()
	guard := &grpcverify.Guard{
		Verifier: verifier,
		Scopes: map[string][]string{
			"/invoices.v1.Invoices/":       {"invoices:read"},
			"/invoices.v1.Invoices/Create": {"invoices:write"},
		},
		Public: []string{grpc_health_v1.Health_Check_FullMethodName},
	}
	server := grpc.NewServer(append(guard.ServerOptions(), grpc.Creds(credentials.NewTLS(serverTLS())))...)
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	listener, err := net.Listen("tcp", "localhost:8443")
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(server.Serve(listener)) // handlers ask verify.FromContext who calls
}

// A client that sends the token which Vault Agent keeps fresh in a file.
func ExampleCredentials() {
	source := grpcverify.Credentials(func(context.Context) (string, error) {
		text, err := os.ReadFile("/run/ramp/payments-token")
		return strings.TrimSpace(string(text)), err
	})
	conn, err := grpc.NewClient("payments.internal:443", grpc.WithPerRPCCredentials(source), grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{})))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
}

func serverTLS() *tls.Config { return &tls.Config{} }
