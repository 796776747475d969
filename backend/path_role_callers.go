package backend

import (
	"context"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
)

type standingResponse struct {
	Stage    string `json:"stage" doc:"Stage of the caller, empty when the contract has none."`
	Since    string `json:"since" doc:"RFC 3339 time at which it came there."`
	Issued   uint64 `json:"issued" doc:"Credentials issued at the stage."`
	Accepted uint64 `json:"accepted" doc:"Requests at the stage that the service reported as accepted."`
	LastUsed string `json:"last_used" doc:"RFC 3339 time of the last issue or renewal."`
	Live     int64  `json:"live" doc:"Credentials that have not expired, where the contract limits them."`
	Waiting  string `json:"waiting" doc:"What is missing for the next stage."`
}

func (b *backend) describe(c *contract, x *standing) *standingResponse {
	now := b.now()
	p := c.Settled(x.stored.Progress, now)
	r := &standingResponse{
		Stage: p.Stage, Since: stamp(p.Since), Issued: p.Issued, Accepted: p.Accepted, LastUsed: stamp(p.LastUsed),
		Waiting: waiting(c.Waiting(p, now)),
	}
	for _, l := range x.stored.Live {
		if l.Expiry > now.Unix() {
			r.Live++
		}
	}
	return r
}

type callerOfRoleRequest struct {
	endpoint.Named
	callerRequest
}

func (b *backend) pathRoleCallers() endpoint.Path {
	return endpoint.Path{
		Pattern: "roles/" + name() + "/callers/?", Suffix: "role-callers", Synopsis: "List the callers of a contract.",
		Help: "Entity IDs of those whose place on the ramp, or whose live credentials, the contract keeps track of.",
		List: endpoint.Handle("List the callers of a contract.", func(ctx context.Context, call *endpoint.Call, req *endpoint.Named) (*endpoint.Keys, error) {
			c, done, err := b.contracts.read(ctx, call.Storage, req.Name)
			defer done()
			if err != nil {
				return nil, err
			}
			if c == nil {
				return nil, endpoint.NotFound("there is no contract %q", req.Name)
			}
			names, err := list(ctx, call.Storage, callersPrefix+c.ID+"/")
			return &endpoint.Keys{Keys: names}, err
		}),
	}
}

func (b *backend) pathRoleCaller() endpoint.Path {
	return endpoint.Path{
		Pattern: "roles/" + name() + "/callers/" + entityPattern, Suffix: "role-caller", Synopsis: "Where a caller stands on the ramp of a contract.",
		Help: "Stage, evidence, live credentials, and what is missing for the next stage.",
		Read: endpoint.Handle("Read where a caller stands.", func(ctx context.Context, call *endpoint.Call, req *callerOfRoleRequest) (*standingResponse, error) {
			var resp *standingResponse
			err := b.withStanding(ctx, call, req.Name, req.EntityID, func(c *contract, x *standing) error {
				if x.stored.Progress.Since.IsZero() && x.stored.Live == nil {
					return nil
				}
				resp = b.describe(c, x)
				return nil
			})
			return resp, err
		}),
	}
}
