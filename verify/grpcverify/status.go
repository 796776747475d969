package grpcverify

import (
	"net/http"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

// Domain of the [errdetails.ErrorInfo] that refusals carry. Its Reason is the
// [verify.Reason].
const Domain = "ramp"

// refused is the status of a refusal: Unauthenticated when another token might
// do, PermissionDenied when this caller may not, Unavailable when nobody can
// tell.
func refused(r *verify.Refusal) error {
	code := codes.Unauthenticated
	switch r.Status() {
	case http.StatusForbidden:
		code = codes.PermissionDenied
	case http.StatusServiceUnavailable:
		code = codes.Unavailable
	}
	return because(code, string(r.Reason), r.Error())
}

func because(code codes.Code, reason, message string) error {
	s := status.New(code, message)
	if detailed, err := s.WithDetails(&errdetails.ErrorInfo{Reason: reason, Domain: Domain}); err == nil {
		s = detailed
	}
	return s.Err()
}
