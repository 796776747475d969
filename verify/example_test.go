package verify_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/condition"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

// A service that asks for a scope with each of its routes.
func Example() {
	verifier, err := verify.New(context.Background(), verify.Config{
		Issuer:     "https://vault.example.com:8200/v1/ramp",
		Audience:   "https://payments.internal",
		Conditions: condition.NewUseCompiler().Compile, // CEL; leave it out if no contract has conditions on requests
		OnError:    func(err error) { log.Println("ramp:", err) },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer verifier.Close()

	mux := http.NewServeMux()
	mux.Handle("GET /invoices/{id}", verifier.Handler(http.HandlerFunc(invoice), "invoices:read"))
	server := &http.Server{Addr: ":8443", Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServeTLS("payments.pem", "payments-key.pem"))
}

// A verifier that follows the revocation feed through relays.
func ExampleNew() {
	verifier, err := verify.New(context.Background(), verify.Config{
		Issuer:   "https://vault.example.com:8200/v1/ramp",
		Audience: "https://payments.internal",
		Relays:   []string{"https://relay-1.internal:8250/v1/ramp", "https://relay-2.internal:8250/v1/ramp"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer verifier.Close()
}

func invoice(w http.ResponseWriter, r *http.Request) {
	id, _ := verify.FromContext(r.Context())
	fmt.Fprintf(w, "invoice %s, for %s by contract %s\n", r.PathValue("id"), id.Caller, id.Contract)
}

var (
	verifier *verify.Verifier
	token    string
)

// What came by other ways than HTTP, such as a queue.
func ExampleVerifier_Verify() {
	id, err := verifier.Verify(context.Background(), token, verify.Requirements{Scopes: []string{"invoices:read"}})
	var refusal *verify.Refusal
	switch {
	case errors.As(err, &refusal):
		log.Println(refusal.Reason, refusal.Message)
	case err == nil:
		log.Println("from", id.Caller)
	}
}

// A stream that ends when the token of its request dies.
func ExampleVerifier_Watch() {
	http.HandleFunc("GET /events", func(_ http.ResponseWriter, r *http.Request) {
		id, _ := verify.FromContext(r.Context())
		ctx, stop := verifier.Watch(r.Context(), id)
		defer stop()
		<-ctx.Done() // send events until then
		log.Println("ended:", context.Cause(ctx))
	})
}
