package backend

import (
	"context"
	"regexp"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
)

type callerRequest struct {
	EntityID string `json:"entity_id" path:"true" doc:"Vault entity ID of the caller."`
}

var entityID = regexp.MustCompile("^" + entityPattern + "$")

const entityPattern = `(?P<entity_id>[A-Za-z0-9][A-Za-z0-9_.-]{0,127})`

func (b *backend) pathCallerSuspend() endpoint.Path {
	return endpoint.Path{
		Pattern: "callers/" + entityPattern + "/suspend", Suffix: "caller", Verb: "suspend",
		Synopsis: "Stop one identity, in all contracts.",
		Help:     "Nothing is issued to it or renewed for it until it is resumed, and what it holds is dead.",
		Write: endpoint.Handle("Stop one identity, in all contracts.", func(ctx context.Context, call *endpoint.Call, req *callerRequest) (*endpoint.Nothing, error) {
			return nil, b.suspendCaller(ctx, call.Storage, req.EntityID)
		}),
	}
}

func (b *backend) pathCallerResume() endpoint.Path {
	return endpoint.Path{
		Pattern: "callers/" + entityPattern + "/resume", Suffix: "caller", Verb: "resume",
		Synopsis: "Let an identity get credentials again.",
		Help:     "Credentials issued before the suspension stay dead.",
		Write: endpoint.Handle("Let an identity get credentials again.", func(ctx context.Context, call *endpoint.Call, req *callerRequest) (*endpoint.Nothing, error) {
			return nil, b.resumeCaller(ctx, call.Storage, req.EntityID)
		}),
	}
}
