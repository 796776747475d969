// Package grpcverify protects gRPC services in Go, and calls such services.
package grpcverify

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

// Guard lets calls through that have a valid token in their authorization
// metadata, and puts its [verify.Identity] into their context. DPoP proofs are
// for POST and https://host/package.Service/Method. A stream whose token dies
// is cut: see [verify.Verifier.Watch].
type Guard struct {
	Verifier *verify.Verifier
	// Scopes that methods need, all of them, by full method
	// ("/invoices.v1.Invoices/List"). A name that ends in a slash is for the
	// methods without an entry: "/invoices.v1.Invoices/" for those of that
	// service, "/" for those of all others. A method for which nothing is said
	// is refused to everybody.
	Scopes map[string][]string
	// Public are full methods that need no token, such as health checks.
	Public []string
}

// ServerOptions are the interceptors for both kinds of calls. They run in the
// order of the options, so put them before those that need an identity.
func (g *Guard) ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.ChainUnaryInterceptor(g.Unary), grpc.ChainStreamInterceptor(g.Stream)}
}

// Unary is a [grpc.UnaryServerInterceptor]. Use it with Stream: a server with
// one of them alone leaves half of its methods open. A call goes on to its end
// when its token dies meanwhile.
func (g *Guard) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if slices.Contains(g.Public, info.FullMethod) {
		return next(ctx, req)
	}
	id, err := g.verify(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	return next(verify.NewContext(ctx, id), req)
}

// Stream is a [grpc.StreamServerInterceptor].
func (g *Guard) Stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	ctx := stream.Context()
	if slices.Contains(g.Public, info.FullMethod) {
		return next(srv, stream)
	}
	id, err := g.verify(ctx, info.FullMethod)
	if err != nil {
		return err
	}
	watched, stop := g.Verifier.Watch(verify.NewContext(ctx, id), id)
	defer stop()
	guarded := &guardedStream{stream, watched}
	err = next(srv, guarded)
	if cut := guarded.cut(); cut != nil {
		return cut
	}
	return err
}

// verify returns who calls, or a status.
func (g *Guard) verify(ctx context.Context, method string) (*verify.Identity, error) {
	scopes, ok := g.needs(method)
	id, err := g.Verifier.VerifyRequest(request(ctx, method), scopes...)
	switch {
	case err != nil:
		return nil, refused(verify.RefusalOf(err))
	case !ok:
		return nil, because(codes.PermissionDenied, "no_policy", "refused: nothing says which scopes "+method+" needs (no_policy)")
	}
	return id, nil
}

func (g *Guard) needs(method string) ([]string, bool) {
	for _, name := range []string{method, method[:strings.LastIndexByte(method, '/')+1], "/"} {
		if scopes, ok := g.Scopes[name]; ok {
			return scopes, true
		}
	}
	return nil, false
}

// request is the HTTP request that carries a call, as far as verifying goes.
func request(ctx context.Context, method string) *http.Request {
	md, _ := metadata.FromIncomingContext(ctx)
	r := &http.Request{Method: http.MethodPost, URL: &url.URL{Path: method}, Header: make(http.Header)}
	for _, name := range []string{"Authorization", "DPoP"} {
		for _, value := range md.Get(name) {
			r.Header.Add(name, value)
		}
	}
	if hosts := md.Get(":authority"); len(hosts) == 1 {
		r.Host = hosts[0]
	}
	if p, ok := peer.FromContext(ctx); ok {
		r.RemoteAddr = p.Addr.String()
		if tls, ok := p.AuthInfo.(credentials.TLSInfo); ok {
			r.TLS = &tls.State
		}
	}
	return r.WithContext(ctx)
}
