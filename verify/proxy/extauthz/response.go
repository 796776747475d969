package extauthz

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
)

// accepted has Envoy forward the request with the headers that the gate left,
// of those that came under some names, and with those that it set. Envoy
// removes after it sets, so what is set is not removed.
func accepted(names []string, left http.Header) *authv3.CheckResponse {
	set := make(http.Header)
	for name, values := range left {
		if strings.HasPrefix(name, gate.Prefix) {
			set[name] = values
		}
	}
	ok := &authv3.OkHttpResponse{Headers: options(set)}
	for _, name := range names {
		if _, stays := left[name]; !stays {
			ok.HeadersToRemove = append(ok.HeadersToRemove, strings.ToLower(name))
		}
	}
	slices.Sort(ok.HeadersToRemove)
	return &authv3.CheckResponse{
		Status:       &status.Status{Code: int32(codes.OK)},
		HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: ok},
	}
}

// denied has Envoy answer. The content type is left to it: for gRPC calls it
// turns status and body into those of gRPC.
func denied(d *gate.Decision) *authv3.CheckResponse {
	h := d.Refusal.Header()
	h.Set("Ramp-Request-Id", d.RequestID)
	return &authv3.CheckResponse{
		Status: &status.Status{Code: int32(codes.PermissionDenied), Message: d.Refusal.Reason},
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{
			Status:  &typev3.HttpStatus{Code: typev3.StatusCode(d.Refusal.Status)},
			Headers: options(h),
			Body:    d.Refusal.Text() + "\n",
		}},
	}
}

// options replace what the caller sent under the same name. Some versions of
// Envoy would append by default.
func options(h http.Header) []*corev3.HeaderValueOption {
	var all []*corev3.HeaderValueOption
	for _, name := range slices.Sorted(maps.Keys(h)) {
		all = append(all, &corev3.HeaderValueOption{
			Header:       &corev3.HeaderValue{Key: strings.ToLower(name), Value: h.Get(name)},
			AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
		})
	}
	return all
}
