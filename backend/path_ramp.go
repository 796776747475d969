package backend

import (
	"context"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
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
	defer x.mu.Unlock()
	return change(c, x)
}

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

type evidenceRequest struct {
	endpoint.Named
	Report   string  `json:"report" doc:"Id of this report: sent again, it counts once. Required."`
	Caller   string  `json:"caller" doc:"Entity ID of the caller (client_id of its tokens)."`
	Accepted int64   `json:"accepted" doc:"Requests accepted since the last report."`
	Refused  int64   `json:"refused" doc:"Requests refused since the last report."`
	Counts   []count `json:"counts" doc:"Several callers at once: a list of {caller, accepted, refused}."`
}

type count struct {
	Caller   string `json:"caller"`
	Accepted int64  `json:"accepted"`
	Refused  int64  `json:"refused"`
}

func (b *backend) pathEvidence() endpoint.Path {
	return endpoint.Path{
		Pattern:  "evidence/" + name(),
		Suffix:   "evidence",
		Verb:     "report",
		Synopsis: "The service side reports how a caller behaves.",
		Help:     "Accepted requests lead up the ramp, refused ones down. Let the policy of the service side update this path, and that of no caller.",
		Write:    endpoint.Handle("Report accepted and refused requests.", b.takeEvidence),
	}
}

func (b *backend) takeEvidence(ctx context.Context, call *endpoint.Call, req *evidenceRequest) (*endpoint.Nothing, error) {
	counts := req.Counts
	if req.Caller != "" {
		counts = append(counts, count{req.Caller, req.Accepted, req.Refused})
	}
	for _, n := range counts {
		if n.Caller == "" || n.Accepted < 0 || n.Refused < 0 {
			return nil, endpoint.BadRequest("counts need a caller, and numbers that are not negative")
		}
	}
	switch {
	case req.Report == "" || len(req.Report) > 128:
		return nil, endpoint.BadRequest("report is required: an id of at most 128 bytes, which you use again only to send the same report again")
	case len(counts) == 0 || len(counts) > 1000:
		return nil, endpoint.BadRequest("give caller and accepted or refused, or counts of at most 1000 callers")
	}
	c, done, err := b.contracts.read(ctx, call.Storage, req.Name)
	defer done()
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, endpoint.NotFound("there is no contract %q", req.Name)
	}
	c.standings.evidence.Lock()
	defer c.standings.evidence.Unlock()
	counted, err := get[reports](ctx, call.Storage, evidencePrefix+c.ID)
	if err != nil {
		return nil, err
	}
	if counted == nil {
		counted = &reports{}
	}
	if counted.has(req.Report) {
		return nil, nil
	}
	after, ok := counted.with(req.Report, b.now())
	if !ok {
		return nil, endpoint.BadRequest("more than %d reports in a day: report less often, with larger counts", maxReports)
	}
	// Remembered first: a crash may lose a report, it never counts one twice.
	if err := put(ctx, call.Storage, evidencePrefix+c.ID, after); err != nil {
		return nil, err
	}
	for _, n := range counts {
		if err := b.count(ctx, call, c, n); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (b *backend) count(ctx context.Context, call *endpoint.Call, c *contract, n count) error {
	x, err := b.lockStanding(ctx, call.Storage, c, n.Caller)
	if err != nil {
		return err
	}
	defer x.mu.Unlock()
	if x.stored.Progress.Since.IsZero() {
		return nil // who never got a credential has nothing to show
	}
	to := c.Report(x.stored.Progress, uint64(n.Accepted), uint64(n.Refused), b.now())
	return b.proceed(ctx, call.Storage, c, n.Caller, x, to)
}

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
