package backend

import (
	"context"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

type deployRequest struct {
	endpoint.Named
	Generation string       `json:"generation" doc:"Name of the deploy: a commit, an image digest. Required."`
	Overlap    ramp.Seconds `json:"overlap" doc:"How long the generation before goes on. Default: the contract's generation_overlap."`
}

type deployResponse struct {
	Generation  string `json:"generation" doc:"The current generation."`
	Generations []struct {
		Name  string `json:"name"`
		Until string `json:"until,omitempty"`
	} `json:"generations" doc:"Live generations, the current one last: name, and until when they are retiring."`
}

func (b *backend) pathRoleDeploy() endpoint.Path {
	return endpoint.Path{
		Pattern: "roles/" + name() + "/deploy", Suffix: "role", Verb: "deploy",
		Synopsis: "Start a generation; the one before it retires.",
		Help:     "Until the overlap ends, credentials of both generations are issued and renewed. Then everything of the older one is dead. Deploying the current generation again changes nothing.",
		Write: endpoint.Handle("Start a generation.", func(ctx context.Context, call *endpoint.Call, req *deployRequest) (*deployResponse, error) {
			resp := &deployResponse{}
			return resp, b.onContract(ctx, call, req.Name, func(c *contract) error {
				if err := b.deploy(ctx, call, c, req); err != nil {
					return err
				}
				resp.Generation = c.state.Generations.Current()
				for _, g := range c.state.Generations {
					resp.Generations = append(resp.Generations, struct {
						Name  string `json:"name"`
						Until string `json:"until,omitempty"`
					}{g.Name, stamp(g.Until)})
				}
				return nil
			})
		}),
	}
}

func (b *backend) deploy(ctx context.Context, call *endpoint.Call, c *contract, req *deployRequest) error {
	overlap := c.GenerationOverlap
	if call.Has("overlap") {
		overlap = req.Overlap
	}
	switch {
	case req.Generation == "" || len(req.Generation) > 128:
		return endpoint.BadRequest("generation is required: a name of at most 128 bytes, such as a commit or an image digest")
	case overlap < 0:
		return endpoint.BadRequest("overlap may not be negative")
	case c.state.Generations.Current() == req.Generation:
		return nil
	}
	told := c.about(kindRoleDeploy)
	told.from, told.generation, told.ttl = told.generation, req.Generation, overlap
	if err := b.tell(ctx, told); err != nil {
		return err
	}
	now := b.now().UTC().Truncate(time.Second)
	if err := b.planFloor(ctx, call.Storage, c, now.Add(overlap.Duration())); err != nil {
		return err
	}
	state := c.state
	state.Generations = state.Generations.Deploy(req.Generation, overlap, now)
	if err := put(ctx, call.Storage, statePrefix+c.ID, state); err != nil {
		return err
	}
	c.state = state
	return nil
}
