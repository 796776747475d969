package backend

import (
	"context"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/minter"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

type credsRequest struct {
	endpoint.Named
	Scopes     []string          `json:"scopes" doc:"Ask for fewer scopes than the contract grants."`
	TTL        ramp.Seconds      `json:"ttl" doc:"Ask for a shorter lease than the contract grants."`
	Generation string            `json:"generation" doc:"The deploy the caller belongs to. Default: the current one."`
	Context    map[string]string `json:"context" doc:"Facts the caller declares, for conditions: key=value pairs. Never trusted as identity."`
	DPoPJKT    string            `json:"dpop_jkt" doc:"Bind the token to a key: its JWK SHA-256 thumbprint (RFC 9449)."`
	PublicKey  string            `json:"public_key" doc:"Bind the token to a key: a JWK, a PEM PUBLIC KEY, or a PEM CERTIFICATE (RFC 8705)."`
}

// credsResponse is what the caller gets.
type credsResponse struct {
	Token      string `json:"token" doc:"The credential, for type jwt."`
	TokenType  string `json:"token_type" doc:"How to present it: Bearer or DPoP."`
	ExpiresAt  string `json:"expires_at" doc:"RFC 3339 time at which it ends, however often it is renewed."`
	Scope      string `json:"scope" doc:"Scopes granted, separated by spaces."`
	Audience   string `json:"audience" doc:"The service it is for."`
	Subject    string `json:"subject" doc:"Who it speaks for."`
	JTI        string `json:"jti" doc:"Its unique id."`
	Contract   string `json:"contract" doc:"Name of the contract."`
	Revision   string `json:"revision" doc:"Revision of the contract."`
	Serial     uint64 `json:"serial" doc:"Its number within the contract."`
	Stage      string `json:"stage,omitempty" doc:"Stage of the ramp it was issued at."`
	Generation string `json:"generation,omitempty" doc:"Deploy it belongs to."`

	response *logical.Response
}

// Response implements endpoint.Responder.
func (r *credsResponse) Response() *logical.Response { return r.response }

func (b *backend) pathCreds() endpoint.Path {
	issue := endpoint.Handle("Mint a credential under a lease.", b.issue)
	return endpoint.Path{
		Pattern:  "creds/" + name(),
		Suffix:   "credentials",
		Verb:     "generate",
		Synopsis: "Mint a short-lived credential by a contract.",
		Help:     "The contract decides with what Vault knows about the caller. The credential is bound to a lease: revoke the lease and it is dead.",
		Read:     issue,
		Write:    issue,
	}
}

func (b *backend) issue(ctx context.Context, call *endpoint.Call, req *credsRequest) (*credsResponse, error) {
	cfg := b.config.Load()
	if cfg.Issuer == "" {
		return nil, endpoint.BadRequest("the mount is not configured; set the issuer first: vault write <mount>/config issuer=https://<vault>/v1/<mount>")
	}
	ask, cnf, err := req.parse()
	if err != nil {
		return nil, err
	}
	for {
		resp, reserved, err := b.issueFrom(ctx, call, cfg, req.Name, ask, cnf)
		if err != nil || reserved {
			return resp, err
		}
		err = b.onContract(ctx, call, req.Name, func(c *contract) error { return c.reserve(ctx, call.Storage) })
		if err != nil {
			return nil, err
		}
	}
}

// issueFrom decides and mints with the contract's lock held for reading. It
// returns false when the contract has to reserve serials first.
func (b *backend) issueFrom(ctx context.Context, call *endpoint.Call, cfg *config, name string, ask ramp.Request, cnf *token.Confirmation) (*credsResponse, bool, error) {
	c, done, err := b.contracts.read(ctx, call.Storage, name)
	defer done()
	if err != nil {
		return nil, false, err
	}
	if c == nil {
		return nil, false, endpoint.NotFound("there is no contract %q", name)
	}
	svc, release, err := b.services.read(ctx, call.Storage, c.Service)
	defer release()
	if err != nil {
		return nil, false, err
	}
	if svc == nil {
		return nil, false, endpoint.NotFound("contract %q is with service %q, which does not exist", c.Name, c.Service)
	}
	caller, err := b.caller(call.EntityID, c.NeedsGroups(svc.Service))
	if err != nil {
		return nil, false, err
	}
	suspension := b.suspensions.of(call.EntityID)
	facts := ramp.Facts{Phase: ramp.PhaseIssue, Now: b.now(), Caller: caller, RemoteAddr: remoteAddr(call.Request), Request: ask, Limits: cfg.limits()}
	state := b.stateOf(c, svc, suspension)
	var x *standing
	if c.Tracked() && caller != nil {
		if x, err = b.settled(ctx, call.Storage, c, caller.ID); err != nil {
			return nil, false, err
		}
		defer x.unlock()
		dead, err := b.kills.state(ctx, call.Storage)
		if err != nil {
			return nil, false, err
		}
		state.Progress, state.Active = x.stored.Progress, x.active(dead, c, caller.ID, facts.Now)
	}
	began := time.Now()
	decision := ramp.Decide(c.Contract, svc.Service, state, facts)
	told := c.about(kindIssue)
	told.caller, told.took = call.EntityID, time.Since(began)
	if denial := decision.Denial(); denial != nil {
		told.kind, told.phase, told.denial, told.stage = kindDeny, ramp.PhaseIssue, denial, state.Progress.Stage
		if err := b.tell(ctx, told); err != nil {
			return nil, false, err
		}
		if x != nil {
			if err := b.proceed(ctx, call.Storage, c, caller.ID, x, decision.After()); err != nil {
				return nil, false, err
			}
		}
		return nil, false, denial
	}
	serial, ok := c.serial()
	if !ok {
		return nil, false, nil
	}
	grant := &minter.Grant{
		Grant: decision.Grant(), Contract: c.Contract, Serial: serial, ClientID: caller.ID,
		Issued: facts.Now.Truncate(time.Second), Issuer: cfg.Issuer, Confirmation: cnf,
	}
	grant.NotBefore = grant.Issued.Add(-time.Duration(cfg.NotBeforeLeeway) * time.Second)
	if before := time.Unix(suspension.Before, 0); grant.Issued.Before(before) {
		grant.Issued = before // a moment ahead: what bears an earlier time is dead
	}
	if svc.Revocation == ramp.RevocationStatus {
		grant.Status = statusRef(cfg.Issuer, c.ID, serial)
	}
	grant.Conditions = c.RequestConditions(svc.Service, grant.Stage).Digest()
	made, err := c.minter.Mint(ctx, grant)
	if err != nil {
		return nil, false, err
	}
	if x != nil {
		if err := b.record(ctx, call.Storage, c, x, grant, made, decision.After()); err != nil {
			return nil, false, err
		}
	}
	told.minted(grant, made)
	if err := b.tell(ctx, told); err != nil {
		return nil, false, err
	}
	if ask.TTL > grant.TTL {
		call.Warn("ttl %ds is more than the contract grants; the lease has %ds", ask.TTL, grant.TTL)
	}
	if grant.OffRamp {
		call.Warn("contract %q ends at %s: its rights shrink from now on; ask its owner to renew it", c.Name, stamp(c.ExpiresAt))
	}
	return &credsResponse{response: b.leased(call.Request, ask.Context, grant, made, told)}, true, nil
}

// minted adds to an event what was minted.
func (e *event) minted(g *minter.Grant, made *minter.Credential) {
	e.jti, e.serial, e.keyID = token.ID(e.contractID, g.Serial), g.Serial, made.KeyID
	e.scopes, e.stage, e.generation = g.Scopes.String(), g.Stage, g.Generation
	e.issued, e.expiry, e.ttl = g.Issued, g.Expiry, g.TTL
}

func (req *credsRequest) parse() (ask ramp.Request, cnf *token.Confirmation, err error) {
	if req.TTL < 0 {
		return ask, nil, endpoint.BadRequest("ttl may not be negative")
	}
	ask.TTL, ask.Generation, ask.Context = req.TTL, req.Generation, req.Context
	if err := checkContext(req.Context); err != nil {
		return ask, nil, err
	}
	if len(req.Generation) > 128 {
		return ask, nil, endpoint.BadRequest("generation has %d bytes, the limit is 128", len(req.Generation))
	}
	if req.Scopes != nil {
		if len(req.Scopes) == 0 {
			return ask, nil, endpoint.BadRequest("scopes is empty; leave it out to ask for everything the contract grants")
		}
		if ask.Scopes, err = ramp.NewScopes(req.Scopes...); err != nil {
			return ask, nil, endpoint.BadRequest("%v", err)
		}
	}
	switch {
	case req.DPoPJKT != "" && req.PublicKey != "":
		err = endpoint.BadRequest("give dpop_jkt or public_key, not both")
	case req.DPoPJKT != "":
		cnf, err = token.ConfirmJKT(req.DPoPJKT)
	case strings.TrimSpace(req.PublicKey) != "":
		cnf, err = token.ConfirmKey(req.PublicKey)
	}
	if err != nil {
		return ask, nil, endpoint.BadRequest("%v", err)
	}
	if cnf != nil {
		ask.Proof = ramp.ProofDPoP
		if cnf.X5T != "" {
			ask.Proof = ramp.ProofMTLS
		}
	}
	return ask, cnf, nil
}

// record takes over what issuing changes of a caller's standing, before the
// credential leaves.
func (b *backend) record(ctx context.Context, s logical.Storage, c *contract, x *standing, g *minter.Grant, made *minter.Credential, to ramp.Progress) error {
	if err := b.proceed(ctx, s, c, g.ClientID, x, to); err != nil {
		return err
	}
	if !c.LimitsActive() {
		return nil
	}
	return b.holds(ctx, s, c, g.ClientID, x, g.Serial, life{g.Issued.Unix(), g.Expiry.Unix(), made.KeyID})
}

// checkContext bounds what a caller declares: it is kept with the lease.
func checkContext(declared map[string]string) error {
	size := 0
	for k, v := range declared {
		size += len(k) + len(v)
	}
	if size > maxContext {
		return endpoint.BadRequest("context has %d bytes, the limit is %d", size, maxContext)
	}
	return nil
}

const maxContext = 2048
