// Package extauthz answers Envoy, which asks about each request before it
// forwards it (ext_authz filter, envoy.service.auth.v3.Authorization), by the
// gate that the proxy decides by.
package extauthz

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
)

// What one Envoy may have this server hold in memory.
const (
	maxQuestion  = 256 << 10 // bytes; Envoy takes 60 KiB of headers
	maxQuestions = 1000      // at once, for each connection
)

// Server answers. It is safe for concurrent use.
type Server struct {
	authv3.UnimplementedAuthorizationServer
	gate atomic.Pointer[gate.Gate]
}

// New makes a server that decides by g.
func New(g *gate.Gate) *Server {
	s := &Server{}
	s.Swap(g)
	return s
}

// Swap goes on with another gate.
func (s *Server) Swap(g *gate.Gate) { s.gate.Store(g) }

// GRPC is a gRPC server of this one and of grpc.health.v1, with bounds. What
// Envoy asks has tokens in it: serve it on a Unix socket or a loopback
// address, or give credentials.
func (s *Server) GRPC(options ...grpc.ServerOption) *grpc.Server {
	server := grpc.NewServer(append([]grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxQuestion), grpc.MaxConcurrentStreams(maxQuestions), grpc.ConnectionTimeout(10 * time.Second),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	}, options...)...)
	authv3.RegisterAuthorizationServer(server, s)
	grpc_health_v1.RegisterHealthServer(server, &health{server: s})
	return server
}

// Check implements authv3.AuthorizationServer. It has no errors: an Envoy that
// is told to allow on failure would let the request through. What cannot be
// decided is denied.
func (s *Server) Check(ctx context.Context, asked *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	g := s.gate.Load()
	r := (&http.Request{}).WithContext(ctx)
	d, names := decide(g, r, asked)
	if d.Refusal != nil {
		g.Done(r, d, gate.Answer{Status: d.Refusal.Status})
		return denied(d), nil
	}
	g.Done(r, d, gate.Answer{}) // nobody tells what the service answered
	return accepted(names, r.Header), nil
}

// decide reads into r what Envoy asked, decides, and returns the names of the
// headers that came.
func decide(g *gate.Gate, r *http.Request, asked *authv3.CheckRequest) (d *gate.Decision, names []string) {
	defer func() {
		if p := recover(); p != nil { // its text may hold anything
			d = gate.Refuse(&gate.Refusal{Status: http.StatusInternalServerError, Reason: "panic", Message: fmt.Sprintf("the request broke the gate: %T", p)})
		}
	}()
	if err := read(r, asked.GetAttributes()); err != nil {
		return gate.Refuse(&gate.Refusal{Status: http.StatusBadRequest, Reason: gate.ReasonAmbiguous, Message: err.Error()}), nil
	}
	for name := range r.Header {
		names = append(names, name)
	}
	return g.Decide(r), names
}
