package backend

import (
	"context"
	"net/netip"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

type explainRequest struct {
	credsRequest
	Caller        string         `json:"caller" doc:"Entity ID to decide for. Default: your own."`
	Time          time.Time      `json:"time" doc:"RFC 3339 time to decide at. Default: now."`
	RemoteAddress string         `json:"remote_address" doc:"Address to decide for. Default: your own."`
	Contract      map[string]any `json:"contract" doc:"Terms of a proposed contract to decide with, instead of those of the role."`
}

type explainResponse struct {
	Allowed    bool           `json:"allowed" doc:"Whether the credential would be issued."`
	Code       string         `json:"code" doc:"Code of the denial."`
	Reason     string         `json:"reason" doc:"The denial as a sentence."`
	Scope      string         `json:"scope" doc:"Scopes it would have."`
	TTL        ramp.Seconds   `json:"ttl" doc:"Life of its lease."`
	ExpiresAt  string         `json:"expires_at" doc:"When it would end, however often it is renewed."`
	Subject    string         `json:"subject" doc:"Its subject."`
	Stage      string         `json:"stage" doc:"Stage of the caller."`
	Generation string         `json:"generation" doc:"Deploy it would belong to."`
	Checks     []explainCheck `json:"checks" doc:"Every check in order: code, passed, reason, and clauses of conditions."`
}

type explainCheck struct {
	Code    string   `json:"code"`
	Passed  bool     `json:"passed"`
	Reason  string   `json:"reason"`
	Clauses []clause `json:"clauses,omitempty"`
}

type clause struct {
	Expression string `json:"expression"`
	Value      string `json:"value"`
}

func (b *backend) pathExplain() endpoint.Path {
	return endpoint.Path{
		Pattern:  "explain/" + name(),
		Suffix:   "decision",
		Verb:     "explain",
		Synopsis: "Show a decision without minting.",
		Help:     "Runs the code that decides on creds/<role> and shows every check. Allow a policy the parameters caller, time, remote_address and contract only where it may ask about others.",
		Write:    endpoint.Handle("Show a decision without minting.", b.explain),
	}
}

func (b *backend) explain(ctx context.Context, call *endpoint.Call, req *explainRequest) (*explainResponse, error) {
	ask, _, err := req.parse()
	if err != nil {
		return nil, err
	}
	c, done, err := b.contracts.read(ctx, call.Storage, req.Name)
	defer done()
	if err != nil {
		return nil, err
	}
	if c == nil && req.Contract == nil {
		return nil, endpoint.NotFound("there is no contract %q", req.Name)
	}
	if req.Contract != nil {
		if c, err = b.propose(req.Name, c, req.Contract); err != nil {
			return nil, err
		}
	}
	facts := ramp.Facts{Phase: ramp.PhaseIssue, Now: b.now(), RemoteAddr: remoteAddr(call.Request), Request: ask, Limits: b.config.Load().limits()}
	if !req.Time.IsZero() {
		facts.Now = req.Time
	}
	if req.RemoteAddress != "" {
		if facts.RemoteAddr, err = netip.ParseAddr(req.RemoteAddress); err != nil {
			return nil, endpoint.BadRequest("remote_address: %.60q is not an IP address", req.RemoteAddress)
		}
	}
	entity := call.EntityID
	if req.Caller != "" {
		entity = req.Caller
	}
	return b.explainFor(ctx, call, c, facts, entity)
}

// propose compiles the contract that a caller of explain asks "what if" about.
func (b *backend) propose(name string, existing *contract, terms map[string]any) (*contract, error) {
	var t ramp.Terms
	if err := endpoint.Decode(terms, &t); err != nil {
		return nil, err
	}
	id := "proposed"
	if existing != nil {
		id = existing.ID
	}
	c, err := b.compile(name, id, t)
	if err != nil {
		return nil, endpoint.BadRequest("contract: %v", err)
	}
	if existing != nil {
		c.state, c.consent, c.standings = existing.state, existing.consent, existing.standings
	}
	return c, nil
}

func (b *backend) explainFor(ctx context.Context, call *endpoint.Call, c *contract, facts ramp.Facts, entity string) (*explainResponse, error) {
	svc, release, err := b.services.read(ctx, call.Storage, c.Service)
	defer release()
	if err != nil {
		return nil, err
	}
	if svc == nil {
		return nil, endpoint.BadRequest("there is no service %.80q", c.Service)
	}
	if facts.Caller, err = b.caller(entity, c.NeedsGroups(svc.Service)); err != nil {
		return nil, err
	}
	state := b.stateOf(c, svc, b.suspensions.of(entity))
	if c.Tracked() && facts.Caller != nil {
		dead, err := b.kills.state(ctx, call.Storage)
		if err != nil {
			return nil, err
		}
		x, err := b.lockStanding(ctx, call.Storage, c, entity)
		if err != nil {
			return nil, err
		}
		state.Progress = x.stored.Progress
		if !c.Fell(state.Progress, c.Settled(state.Progress, facts.Now)) { // what a caller that falls holds dies before the decision
			state.Active = x.active(dead, c, entity, facts.Now)
		}
		x.unlock()
	}
	decision := ramp.Decide(c.Contract, svc.Service, state, facts)
	return describeDecision(&decision), nil
}

func describeDecision(d *ramp.Decision) *explainResponse {
	g := d.Grant()
	r := &explainResponse{
		Allowed: d.Denial() == nil, Scope: g.Scopes.String(), TTL: g.TTL, ExpiresAt: stamp(g.Expiry),
		Subject: g.Subject, Stage: g.Stage, Generation: g.Generation,
	}
	if denial := d.Denial(); denial != nil {
		r.Code, r.Reason = string(denial.Code), denial.Reason
	}
	for _, c := range d.Checks() {
		check := explainCheck{Code: string(c.Code), Passed: c.Passed, Reason: c.Reason}
		for _, part := range c.Clauses {
			check.Clauses = append(check.Clauses, clause{part.Expression, part.Value})
		}
		r.Checks = append(r.Checks, check)
	}
	return r
}
