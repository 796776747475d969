package backend

import (
	"context"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
)

type conditionsRequest struct {
	ID     string `json:"id" path:"true" doc:"Id of a contract."`
	Digest string `json:"digest" path:"true" doc:"Digest that a token of the contract has in ramp.conditions."`
}

func (b *backend) pathConditions() endpoint.Path {
	return endpoint.Path{
		Pattern:  `conditions/(?P<id>[a-z0-9]{1,64})/(?P<digest>[A-Za-z0-9_-]{43})`,
		Suffix:   "request-conditions",
		Synopsis: "Conditions that verifiers ask with each request.",
		Help:     "A JSON list of {name, expression}. Its SHA-256 in base64url is the digest that tokens carry, so the list needs no signature and never changes.",
		Read:     endpoint.Handle("Read the conditions of a contract for each request.", b.readConditions),
	}
}

func (b *backend) readConditions(ctx context.Context, call *endpoint.Call, req *conditionsRequest) (*endpoint.Raw, error) {
	unknown := endpoint.NotFound("contract %s has no conditions %s", req.ID, req.Digest)
	state, err := get[contractState](ctx, call.Storage, statePrefix+req.ID)
	if err != nil {
		return nil, err
	}
	if state == nil {
		return nil, unknown
	}
	c, done, err := b.contracts.read(ctx, call.Storage, state.Name)
	defer done()
	if err != nil {
		return nil, err
	}
	if c == nil || c.ID != req.ID {
		return nil, unknown
	}
	svc, release, err := b.services.read(ctx, call.Storage, c.Service)
	defer release()
	if err != nil {
		return nil, err
	}
	if svc == nil {
		return nil, unknown
	}
	stages := []string{""}
	for _, s := range c.Stages {
		stages = append(stages, s.Name)
	}
	for _, stage := range stages {
		if list := c.RequestConditions(svc.Service, stage); list.Digest() == req.Digest {
			return &endpoint.Raw{ContentType: "application/json", Body: list.Document(), MaxAge: "86400"}, nil
		}
	}
	return nil, unknown
}
