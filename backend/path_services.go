package backend

import (
	"context"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

type serviceRequest struct {
	endpoint.Named
	ramp.ServiceTerms
	expectation
}

type serviceResponse struct {
	ramp.ServiceTerms
	Revision string `json:"revision" doc:"SHA-256 of the terms in canonical JSON."`
	State    string `json:"state" doc:"active, suspended, or narrowing: an edit took something away, and failed before all that it has to kill was dead. Write it again."`
	Created  string `json:"created" doc:"RFC 3339 time of the first write."`
	Updated  string `json:"updated" doc:"RFC 3339 time of the last write."`
}

func (b *backend) pathServices() endpoint.Path {
	return endpoint.Path{
		Pattern: "services/?", Suffix: "services", Synopsis: "List the services.",
		Help: "A service is the callee of contracts. Read services/<name> for its terms.",
		List: endpoint.Handle("List the services.", func(ctx context.Context, call *endpoint.Call, _ *endpoint.None) (*endpoint.Keys, error) {
			names, err := list(ctx, call.Storage, servicesPrefix)
			return &endpoint.Keys{Keys: names}, err
		}),
	}
}

func (b *backend) pathService() endpoint.Path {
	return endpoint.Path{
		Pattern:  "services/" + name(),
		Suffix:   "service",
		Synopsis: "Manage a service: what it offers and the ceilings it imposes.",
		Help:     "The service team declares its audience, the scopes it offers and how its verifiers learn of revocations. An edit that takes something away kills the credentials issued for the service so far.",
		Exists: func(ctx context.Context, s logical.Storage, name string) (bool, error) {
			entry, err := s.Get(ctx, servicesPrefix+name)
			return entry != nil, err
		},
		Read:   endpoint.Handle("Read a service.", b.readService),
		Write:  endpoint.Handle("Declare a service or change it. Fields that are not given keep their value.", b.writeService),
		Delete: endpoint.Handle("Delete a service that no contract uses.", b.deleteService),
	}
}

func (b *backend) readService(ctx context.Context, call *endpoint.Call, req *endpoint.Named) (*serviceResponse, error) {
	svc, done, err := b.services.read(ctx, call.Storage, req.Name)
	defer done()
	if err != nil || svc == nil {
		return nil, err
	}
	return &serviceResponse{svc.ServiceTerms, svc.Revision(), svc.state(), stamp(svc.stored.Created), stamp(svc.stored.Updated)}, nil
}

func (b *backend) writeService(ctx context.Context, call *endpoint.Call, req *serviceRequest) (*endpoint.Nothing, error) {
	name := req.Name
	narrowed, err := b.storeService(ctx, call, req)
	if err != nil || !narrowed {
		return nil, err
	}
	call.Warn("this edit takes something away: credentials issued for service %q so far are dead, callers fetch new ones", name)
	if err := b.killAll(ctx, call.Storage, name); err != nil {
		return nil, err
	}
	return nil, b.updateService(ctx, call.Storage, name, func(s *storedService) error { s.Narrowed = false; return nil })
}

// storeService writes the terms and reports whether they take something away.
func (b *backend) storeService(ctx context.Context, call *endpoint.Call, req *serviceRequest) (narrowed bool, err error) {
	name := req.Name
	sl, done, err := b.services.write(ctx, call.Storage, name)
	if err != nil {
		return false, err
	}
	defer done()
	if err := req.met("service", sl.value.revision()); err != nil {
		return false, err
	}
	stored := storedService{Created: b.now().UTC()}
	if sl.value != nil {
		stored = sl.value.stored
	}
	was := stored.Terms
	if err := call.Merge(&stored.Terms); err != nil {
		return false, err
	}
	svc, err := ramp.NewService(name, stored.Terms, b.conditions.Compile)
	if err != nil {
		return false, endpoint.BadRequest("%v", err)
	}
	if err := svc.Fits(b.config.Load().limits()); err != nil {
		return false, endpoint.BadRequest("%v", err)
	}
	stored.Terms, stored.Updated = svc.ServiceTerms, b.now().UTC()
	stored.Narrowed = stored.Narrowed || sl.value != nil && !stored.Terms.Keeps(was)
	if err := b.tell(ctx, &event{kind: kindServiceWrite, service: name}); err != nil {
		return false, err
	}
	if err := put(ctx, call.Storage, servicesPrefix+name, stored); err != nil {
		sl.value = nil
		return false, err
	}
	sl.value = &service{svc, stored}
	return stored.Narrowed, nil
}

func (b *backend) deleteService(ctx context.Context, call *endpoint.Call, req *deleteRequest) (*endpoint.Nothing, error) {
	sl, done, err := b.services.write(ctx, call.Storage, req.Name)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := req.met("service", sl.value.revision()); err != nil {
		return nil, err
	}
	contracts, err := b.users(ctx, call.Storage, "service", req.Name)
	if err != nil {
		return nil, err
	}
	if len(contracts) > 0 {
		return nil, inUse("service", req.Name, contracts)
	}
	if sl.value == nil {
		return nil, nil
	}
	if err := b.tell(ctx, &event{kind: kindServiceDelete, service: req.Name}); err != nil {
		return nil, err
	}
	sl.value = nil
	return nil, call.Storage.Delete(ctx, servicesPrefix+req.Name)
}

func (b *backend) pathServiceSuspend() endpoint.Path {
	return endpoint.Path{
		Pattern: "services/" + name() + "/suspend", Suffix: "service", Verb: "suspend",
		Synopsis: "Stop all contracts to a service.",
		Help:     "Nothing is issued or renewed for the service until it is resumed, and what was issued is dead.",
		Write: endpoint.Handle("Stop all contracts to a service.", func(ctx context.Context, call *endpoint.Call, req *endpoint.Named) (*endpoint.Nothing, error) {
			return nil, b.switchService(ctx, call, req.Name, true)
		}),
	}
}

func (b *backend) pathServiceResume() endpoint.Path {
	return endpoint.Path{
		Pattern: "services/" + name() + "/resume", Suffix: "service", Verb: "resume",
		Synopsis: "Let contracts to a service issue again.",
		Help:     "Credentials issued before the suspension stay dead.",
		Write: endpoint.Handle("Let contracts to a service issue again.", func(ctx context.Context, call *endpoint.Call, req *endpoint.Named) (*endpoint.Nothing, error) {
			return nil, b.switchService(ctx, call, req.Name, false)
		}),
	}
}

func (b *backend) switchService(ctx context.Context, call *endpoint.Call, name string, suspended bool) error {
	kind := kindServiceResume
	if suspended {
		kind = kindServiceSuspend
	}
	err := b.updateService(ctx, call.Storage, name, func(s *storedService) error {
		if s.Suspended == suspended {
			return nil
		}
		s.Suspended = suspended
		return b.tell(ctx, &event{kind: kind, service: name})
	})
	if err != nil || !suspended {
		return err
	}
	return b.killAll(ctx, call.Storage, name)
}

// updateService changes what is stored beside the terms. It does not keep the
// service's lock, because killing takes those of its contracts, and issuing
// locks the contract first.
func (b *backend) updateService(ctx context.Context, s logical.Storage, name string, change func(*storedService) error) error {
	sl, done, err := b.services.write(ctx, s, name)
	if err != nil {
		return err
	}
	defer done()
	if sl.value == nil {
		return endpoint.NotFound("there is no service %q", name)
	}
	stored := sl.value.stored
	if err := change(&stored); err != nil {
		return err
	}
	if err := put(ctx, s, servicesPrefix+name, stored); err != nil {
		sl.value = nil
		return err
	}
	sl.value = &service{sl.value.Service, stored}
	return nil
}
