package grpcverify_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/grpcverify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

func TestUnary(t *testing.T) {
	r := newRig(t, nil)
	client := r.dial(t, nil)
	reader := r.Issue(verifytest.Token{Scopes: []string{"invoices:read"}})
	revoked := r.Issue(verifytest.Token{Scopes: []string{"invoices:read"}})
	if answer, err := client.UnaryCall(bearer(t.Context(), revoked), &testgrpc.SimpleRequest{}); err != nil || answer.Username != "spiffe://example.com/entity/e-orders" {
		t.Fatalf("%v %v", answer, err)
	}
	if _, err := client.EmptyCall(t.Context(), &testgrpc.Empty{}); err != nil {
		t.Errorf("a public method: %v", err)
	}
	r.Revoke(revoked)
	eventually(t, "the revocation", func() bool {
		_, err := client.UnaryCall(bearer(t.Context(), revoked), &testgrpc.SimpleRequest{})
		return reason(err) == verify.Revoked && status.Code(err) == codes.Unauthenticated
	})
	read := func(ctx context.Context) error {
		_, err := client.UnaryCall(ctx, &testgrpc.SimpleRequest{})
		return err
	}
	unlisted := func(ctx context.Context) error {
		_, err := client.UnimplementedCall(ctx, &testgrpc.Empty{})
		return err
	}
	window := []ramp.ConditionTerms{{Name: "here", Expression: `request.remote_address == "127.0.0.1"`}}
	for name, c := range map[string]struct {
		call func(context.Context) error
		ctx  context.Context
		code codes.Code
		want verify.Reason
	}{
		"good":        {read, bearer(t.Context(), reader), codes.OK, ""},
		"address":     {read, bearer(t.Context(), r.Issue(verifytest.Token{Scopes: []string{"invoices:read"}, Conditions: window})), codes.OK, ""},
		"no token":    {read, t.Context(), codes.Unauthenticated, verify.Missing},
		"garbage":     {read, bearer(t.Context(), "garbage"), codes.Unauthenticated, verify.Malformed},
		"two tokens":  {read, bearer(bearer(t.Context(), reader), reader), codes.Unauthenticated, verify.Malformed},
		"basic":       {read, metadata.AppendToOutgoingContext(t.Context(), "authorization", "Basic "+reader), codes.Unauthenticated, verify.Missing},
		"binary":      {read, metadata.AppendToOutgoingContext(t.Context(), "authorization-bin", "Bearer "+reader), codes.Unauthenticated, verify.Missing},
		"expired":     {read, bearer(t.Context(), r.Issue(verifytest.Token{Scopes: []string{"invoices:read"}, TTL: -time.Second})), codes.Unauthenticated, verify.Expired},
		"audience":    {read, bearer(t.Context(), r.Issue(verifytest.Token{Audience: "https://other.internal"})), codes.Unauthenticated, verify.Audience},
		"scope":       {read, bearer(t.Context(), r.Issue(verifytest.Token{Scopes: []string{"invoices:write"}})), codes.PermissionDenied, verify.Scope},
		"unlisted":    {unlisted, bearer(t.Context(), reader), codes.PermissionDenied, "no_policy"},
		"unlisted, 2": {unlisted, t.Context(), codes.Unauthenticated, verify.Missing},
	} {
		err := c.call(c.ctx)
		if status.Code(err) != c.code || reason(err) != c.want {
			t.Errorf("%s: %v (%s)", name, err, reason(err))
		}
		if strings.Contains(status.Convert(err).Message(), reader) {
			t.Errorf("%s: the answer has the token: %v", name, err)
		}
	}
}

// The longest name decides, and without one nobody gets through.
func TestMethods(t *testing.T) {
	r := newRig(t, nil)
	call := func(scopes map[string][]string, method string, has ...string) verify.Reason {
		guard := &grpcverify.Guard{Verifier: r.verifier, Scopes: scopes, Public: []string{"/open.v1.Open/Get"}}
		ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer "+r.Issue(verifytest.Token{Scopes: has})))
		_, err := guard.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: method}, func(context.Context, any) (any, error) { return nil, nil })
		return reason(err)
	}
	some := map[string][]string{"/a.v1.A/Get": {"read"}, "/a.v1.A/": {"write"}}
	all := map[string][]string{"/a.v1.A/Get": {"read"}, "/": {"other"}}
	for _, c := range []struct {
		scopes map[string][]string
		method string
		has    string
		want   verify.Reason
	}{
		{some, "/a.v1.A/Get", "read", ""}, {some, "/a.v1.A/Get", "write", verify.Scope}, {some, "/a.v1.A/Put", "write", ""}, {some, "/a.v1.A/Put", "read", verify.Scope},
		{some, "/b.v1.B/Get", "read", "no_policy"}, {some, "/a.v1.A", "write", "no_policy"}, {some, "/a.v1.AB/Get", "write", "no_policy"}, {some, "a.v1.A/Get", "read", "no_policy"},
		{some, "", "read", "no_policy"}, {some, "/a.v1.A/Get/", "read", "no_policy"}, {nil, "/a.v1.A/Get", "read", "no_policy"},
		{all, "/b.v1.B/Get", "other", ""}, {all, "/b.v1.B/Get", "read", verify.Scope}, {all, "/a.v1.A/Get", "other", verify.Scope}, {all, "/open.v1.Open/Get", "none", ""},
	} {
		if got := call(c.scopes, c.method, c.has); got != c.want {
			t.Errorf("%s with %s: %q, want %q", c.method, c.has, got, c.want)
		}
	}
}

func TestStale(t *testing.T) {
	r := newRig(t, func(c *verify.Config) { c.MaxStaleness = time.Second })
	client, raw := r.dial(t, nil), r.Issue(verifytest.Token{Scopes: []string{"invoices:read"}})
	r.SetDown(true)
	eventually(t, "a refusal", func() bool {
		_, err := client.UnaryCall(bearer(t.Context(), raw), &testgrpc.SimpleRequest{})
		return reason(err) == verify.Stale && status.Code(err) == codes.Unavailable
	})
}

func TestCertificate(t *testing.T) {
	r := newRig(t, nil)
	mine, other := selfSigned(t), selfSigned(t)
	sum := sha256.Sum256(mine.Certificate[0])
	raw := r.Issue(verifytest.Token{Scopes: []string{"invoices:read"}, X5T: base64.RawURLEncoding.EncodeToString(sum[:])})
	for name, c := range map[string]struct {
		certificates []tls.Certificate
		want         codes.Code
	}{
		"mine": {[]tls.Certificate{mine}, codes.OK}, "another": {[]tls.Certificate{other}, codes.Unauthenticated}, "none": {nil, codes.Unauthenticated},
	} {
		_, err := r.dial(t, c.certificates).UnaryCall(bearer(t.Context(), raw), &testgrpc.SimpleRequest{})
		if status.Code(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCredentials(t *testing.T) {
	r := newRig(t, nil)
	raw := r.Issue(verifytest.Token{Scopes: []string{"invoices:read"}})
	asked, failing := 0, errors.New("the agent has not written a token yet")
	var err error
	source := grpcverify.Credentials(func(context.Context) (string, error) { asked++; return raw, err })
	client := r.dial(t, nil, grpc.WithPerRPCCredentials(source))
	for range 2 {
		if _, err := client.UnaryCall(t.Context(), &testgrpc.SimpleRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 2 {
		t.Errorf("the source was asked %d times", asked)
	}
	err = failing
	if _, err := client.UnaryCall(t.Context(), &testgrpc.SimpleRequest{}); err == nil || !strings.Contains(err.Error(), failing.Error()) {
		t.Errorf("%v", err)
	}
	if _, err := grpc.NewClient(r.addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithPerRPCCredentials(source)); err == nil {
		t.Error("a token would have been sent in the clear")
	}
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 30 s for %s", what)
		}
	}
}
