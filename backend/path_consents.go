package backend

import (
	"context"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// consent is what a service team accepted, stored as consents/<service>/<role>.
type consent struct {
	Revision string    `json:"revision"`
	Given    time.Time `json:"given"`
	// Void says that the terms were edited since. It stays, also when they
	// are edited back.
	Void bool `json:"void,omitempty"`
}

type consentRequest struct {
	endpoint.Named
	Role     string `json:"role" path:"true" doc:"Name of the contract."`
	Revision string `json:"revision" doc:"Revision of the contract that is accepted: the one that roles/<name> shows. Required."`
}

type consentKey struct {
	endpoint.Named
	Role string `json:"role" path:"true" doc:"Name of the contract."`
}

type consentResponse struct {
	Revision string `json:"revision" doc:"Revision that was accepted."`
	Given    string `json:"given" doc:"RFC 3339 time."`
	Current  bool   `json:"current" doc:"Whether it holds: the terms were not edited since."`
}

func consentPath(service, role string) string { return consentsPrefix + service + "/" + role }

func (b *backend) pathConsent() endpoint.Path {
	return endpoint.Path{
		Pattern: "services/" + name() + `/consents/(?P<role>\w(([\w-.]+)?\w)?)`, Suffix: "service-consent",
		Synopsis: "The service team accepts a contract.",
		Help:     "For services with consent=required. It accepts one revision; an edit of the contract needs consent again. Deleting it kills what is live.",
		Read:     endpoint.Handle("Read a consent.", b.readConsent),
		Write:    endpoint.Handle("Accept a revision of a contract.", b.giveConsent),
		Delete:   endpoint.Handle("Withdraw a consent.", b.withdrawConsent),
	}
}

func (b *backend) readConsent(ctx context.Context, call *endpoint.Call, req *consentKey) (*consentResponse, error) {
	given, err := get[consent](ctx, call.Storage, consentPath(req.Name, req.Role))
	if err != nil || given == nil {
		return nil, err
	}
	c, done, err := b.contracts.read(ctx, call.Storage, req.Role)
	defer done()
	if err != nil {
		return nil, err
	}
	return &consentResponse{given.Revision, stamp(given.Given), c != nil && !given.Void && c.Revision() == given.Revision}, nil
}

func (b *backend) giveConsent(ctx context.Context, call *endpoint.Call, req *consentRequest) (*endpoint.Nothing, error) {
	return nil, b.onContract(ctx, call, req.Role, func(c *contract) error {
		switch {
		case c.Service != req.Name:
			return endpoint.BadRequest("contract %q is with service %q", c.Name, c.Service)
		case req.Revision == "":
			return endpoint.BadRequest("revision is required: read roles/%s and accept what it says", c.Name)
		case req.Revision != c.Revision():
			return endpoint.Conflict("contract %q has revision %s, not %.80s; read it again before you accept it", c.Name, c.Revision(), req.Revision)
		}
		if err := b.tell(ctx, c.about(kindConsentGive)); err != nil {
			return err
		}
		given := consent{Revision: req.Revision, Given: b.now().UTC()}
		if err := put(ctx, call.Storage, consentPath(req.Name, req.Role), given); err != nil {
			return err
		}
		c.consent = given.Revision
		return nil
	})
}

func (b *backend) withdrawConsent(ctx context.Context, call *endpoint.Call, req *consentKey) (*endpoint.Nothing, error) {
	return nil, b.onContract(ctx, call, req.Role, func(c *contract) error {
		if c.Service != req.Name {
			return endpoint.BadRequest("contract %q is with service %q", c.Name, c.Service)
		}
		if err := b.tell(ctx, c.about(kindConsentWithdraw)); err != nil {
			return err
		}
		if err := call.Storage.Delete(ctx, consentPath(req.Name, req.Role)); err != nil {
			return err
		}
		c.consent = ""
		svc, release, err := b.services.read(ctx, call.Storage, req.Name)
		defer release()
		if err != nil || svc == nil || svc.Consent != ramp.ConsentRequired {
			return err
		}
		return b.raiseFloor(ctx, call.Storage, c)
	})
}
