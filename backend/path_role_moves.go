package backend

import (
	"context"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
)

type moveRequest struct {
	endpoint.Named
	Caller string `json:"caller" doc:"Entity ID of the caller to move. Required."`
	Stage  string `json:"stage" doc:"Stage to move to. Default: one step."`
}

func (b *backend) pathRoleAdvance() endpoint.Path {
	return endpoint.Path{
		Pattern: "roles/" + name() + "/advance", Suffix: "role-caller", Verb: "advance",
		Synopsis: "Move a caller up the ramp by hand.",
		Help:     "This is also how the service team gives the approval that a stage waits for: let its policy update this path.",
		Write: endpoint.Handle("Move a caller up the ramp.", func(ctx context.Context, call *endpoint.Call, req *moveRequest) (*standingResponse, error) {
			return b.move(ctx, call, req, 1)
		}),
	}
}

func (b *backend) pathRoleRetreat() endpoint.Path {
	return endpoint.Path{
		Pattern: "roles/" + name() + "/retreat", Suffix: "role-caller", Verb: "retreat",
		Synopsis: "Move a caller down the ramp by hand.",
		Help:     "What the caller holds dies, and its evidence starts from zero.",
		Write: endpoint.Handle("Move a caller down the ramp.", func(ctx context.Context, call *endpoint.Call, req *moveRequest) (*standingResponse, error) {
			return b.move(ctx, call, req, -1)
		}),
	}
}

func (b *backend) move(ctx context.Context, call *endpoint.Call, req *moveRequest, step int) (*standingResponse, error) {
	var resp *standingResponse
	err := b.withStanding(ctx, call, req.Name, req.Caller, func(c *contract, x *standing) error {
		now := b.now()
		from := c.Settled(x.stored.Progress, now)
		to, ok := c.Moved(from, req.Stage, step, now)
		switch {
		case len(c.Stages) == 0:
			return endpoint.BadRequest("contract %q has no stages", c.Name)
		case !ok && req.Stage != "":
			return endpoint.BadRequest("contract %q has no stage %.80q", c.Name, req.Stage)
		case !ok:
			return endpoint.BadRequest("the caller is at stage %q, there is none beyond", from.Stage)
		}
		if down := c.Fell(from, to); down != (step < 0) && from.Stage != to.Stage {
			return endpoint.BadRequest("stage %q is the other way: the caller is at stage %q", to.Stage, from.Stage)
		}
		if err := b.proceed(ctx, call.Storage, c, req.Caller, x, to); err != nil {
			return err
		}
		resp = b.describe(c, x)
		return nil
	})
	return resp, err
}

// withStanding runs a change with the contract's lock held for reading and
// the caller's standing locked.
func (b *backend) withStanding(ctx context.Context, call *endpoint.Call, role, entity string, change func(*contract, *standing) error) error {
	if entity == "" {
		return endpoint.BadRequest("caller is required: the entity ID of the caller")
	}
	c, done, err := b.contracts.read(ctx, call.Storage, role)
	defer done()
	if err != nil {
		return err
	}
	if c == nil {
		return endpoint.NotFound("there is no contract %q", role)
	}
	x, err := b.lockStanding(ctx, call.Storage, c, entity)
	if err != nil {
		return err
	}
	defer x.unlock()
	return change(c, x)
}
