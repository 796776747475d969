package extauthz

import (
	"context"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// health says whether tokens can be verified: what the proxy's /readyz says.
type health struct {
	grpc_health_v1.UnimplementedHealthServer
	server *Server
}

// Check implements grpc_health_v1.HealthServer.
func (h *health) Check(_ context.Context, asked *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	if name := asked.GetService(); name != "" && name != authv3.Authorization_ServiceDesc.ServiceName {
		return nil, status.Errorf(codes.NotFound, "service %.100q is not served", name)
	}
	answer := grpc_health_v1.HealthCheckResponse_SERVING
	if v := h.server.gate.Load().Verifier(); v == nil || v.Fresh() != nil {
		answer = grpc_health_v1.HealthCheckResponse_NOT_SERVING
	}
	return &grpc_health_v1.HealthCheckResponse{Status: answer}, nil
}
