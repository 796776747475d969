package backend

import (
	"context"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// service is a declared service with what operators did to it.
type service struct {
	*ramp.Service
	stored storedService
}

func (s *service) state() string {
	switch {
	case s.stored.Narrowed:
		return "narrowing"
	case s.stored.Suspended:
		return "suspended"
	}
	return "active"
}

type storedService struct {
	Terms     ramp.ServiceTerms `json:"terms"`
	Suspended bool              `json:"suspended,omitempty"`
	Created   time.Time         `json:"created"`
	Updated   time.Time         `json:"updated"`
	// Narrowed says that an edit took something away and that what was
	// issued before may not be dead yet.
	Narrowed bool `json:"narrowed,omitempty"`
}

func (b *backend) loadService(ctx context.Context, s logical.Storage, name string) (*service, error) {
	stored, err := get[storedService](ctx, s, servicesPrefix+name)
	if err != nil || stored == nil {
		return nil, err
	}
	svc, err := ramp.NewService(name, stored.Terms, b.conditions.Compile)
	if err != nil {
		return nil, err
	}
	return &service{svc, *stored}, nil
}

// killAll revokes everything that contracts with the service have issued.
func (b *backend) killAll(ctx context.Context, s logical.Storage, service string) error {
	contracts, err := list(ctx, s, usesPrefix+"service/"+service+"/")
	if err != nil {
		return err
	}
	for _, name := range contracts {
		if err := b.killAllOf(ctx, s, service, name); err != nil {
			return err
		}
	}
	return nil
}

func (b *backend) killAllOf(ctx context.Context, s logical.Storage, service, contract string) error {
	sl, done, err := b.contracts.write(ctx, s, contract)
	if err != nil {
		return err
	}
	defer done()
	if sl.value == nil || sl.value.Service != service {
		return nil
	}
	return b.raiseFloor(ctx, s, sl.value)
}
