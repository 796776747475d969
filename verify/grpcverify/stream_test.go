package grpcverify_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/grpcverify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

var both = []string{"invoices:read", "invoices:write"}

func echo(t *testing.T, stream testgrpc.TestService_FullDuplexCallClient) {
	t.Helper()
	if err := stream.Send(&testgrpc.StreamingOutputCallRequest{}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
}

// A stream is cut when its token dies, and no other one is.
func TestStreamIsCut(t *testing.T) {
	r := newRig(t, nil)
	client := r.dial(t, nil)
	raw, innocent := r.Issue(verifytest.Token{Scopes: both}), r.Issue(verifytest.Token{Scopes: both, Caller: "e-other"})
	stream, err := client.FullDuplexCall(bearer(t.Context(), raw))
	if err != nil {
		t.Fatal(err)
	}
	other, err := client.FullDuplexCall(bearer(t.Context(), innocent))
	if err != nil {
		t.Fatal(err)
	}
	echo(t, stream)
	echo(t, other)
	r.Revoke(raw)
	if _, err := stream.Recv(); status.Code(err) != codes.Unauthenticated || reason(err) != verify.Revoked {
		t.Errorf("the client got %v", err)
	}
	if err := <-r.service.streamEnded; reason(err) != verify.Revoked {
		t.Errorf("the handler got %v", err)
	}
	echo(t, other)
	if err := other.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := <-r.service.streamEnded; !errors.Is(err, io.EOF) {
		t.Errorf("an innocent handler got %v", err)
	}
	if again, err := client.FullDuplexCall(bearer(t.Context(), raw)); err == nil {
		if _, err := again.Recv(); reason(err) != verify.Revoked {
			t.Errorf("a new stream: %v", err)
		}
	}
}

// A handler that is held up is cut as well: by a client that reads nothing, or
// because it waits for something else.
func TestHeldUpStreamIsCut(t *testing.T) {
	r := newRig(t, nil)
	client := r.dial(t, nil)
	for name, payload := range map[string]*testgrpc.Payload{"sending": {Body: make([]byte, 64<<10)}, "waiting": nil} {
		raw := r.Issue(verifytest.Token{Scopes: both})
		stream, err := client.StreamingOutputCall(bearer(t.Context(), raw), &testgrpc.StreamingOutputCallRequest{Payload: payload})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
		r.Revoke(raw)
		select {
		case err := <-r.service.streamEnded:
			if verify.RefusalOf(err).Reason != verify.Revoked {
				t.Errorf("%s: the handler got %v", name, err)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("%s: still held up after 30 s", name)
		}
		for err = nil; err == nil; _, err = stream.Recv() {
		}
		if reason(err) != verify.Revoked {
			t.Errorf("%s: the client got %v", name, err)
		}
	}
}

// What the handler says is what the client hears when nothing died, and a
// client that goes away ends its stream.
func TestStreamEndsByItself(t *testing.T) {
	r := newRig(t, nil)
	client := r.dial(t, nil)
	ctx, leave := context.WithCancel(bearer(t.Context(), r.Issue(verifytest.Token{Scopes: both})))
	stream, err := client.FullDuplexCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	echo(t, stream)
	leave()
	if err := <-r.service.streamEnded; status.Code(err) != codes.Canceled {
		t.Errorf("%v", err)
	}
	for name, raw := range map[string]string{"scope": r.Issue(verifytest.Token{Scopes: []string{"invoices:read"}}), "garbage": "garbage"} {
		stream, err := client.FullDuplexCall(bearer(t.Context(), raw))
		if err == nil {
			_, err = stream.Recv()
		}
		if got := status.Code(err); got != codes.PermissionDenied && got != codes.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A panic below the handler is one that an interceptor in front can recover.
func TestPanicStaysInTheHandler(t *testing.T) {
	r := newRig(t, nil)
	guard := &grpcverify.Guard{Verifier: r.verifier, Scopes: map[string][]string{"/": nil}}
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer "+r.Issue(verifytest.Token{})))
	defer func() {
		if p := recover(); p != "broken codec" {
			t.Errorf("recovered %v", p)
		}
	}()
	_ = guard.Stream(nil, brokenStream{ctx: ctx}, &grpc.StreamServerInfo{FullMethod: "/a/b"}, func(_ any, stream grpc.ServerStream) error {
		return stream.RecvMsg(nil)
	})
	t.Error("no panic")
}

type brokenStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s brokenStream) Context() context.Context { return s.ctx }
func (brokenStream) RecvMsg(any) error          { panic("broken codec") }
