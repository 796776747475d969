package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/journal"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/minter"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

// secretType is registered for ever: leases name it.
const secretType = "ramp_credential"

// lease is what a lease remembers of its credential: all that renewing and
// revoking need, so that neither relies on the role or on the lease's data.
type lease struct {
	Contract   string
	ContractID string
	Serial     uint64
	EntityID   string
	IssuedAt   int64 // NumericDate
	Expiry     int64 // NumericDate
	Scope      string
	Address    string
	Proof      string
	KeyID      string
	Generation string
	Context    map[string]string

	// What the ledger is told again if a crash made it forget: zero when it
	// was off, or was told durably.
	Issued    journal.Position
	RequestID string // of the issue
	Stage     string // of the issue
	Renewed   journal.Position
	RenewedAt int64 // NumericDate
}

const leaseVersion = "1"

// internal is the lease as Vault stores it. Numbers are strings: the plugin
// boundary turns numbers into float64.
func (l *lease) internal() map[string]any {
	m := map[string]any{
		"v": leaseVersion, "role": l.Contract, "id": l.ContractID, "serial": strconv.FormatUint(l.Serial, 10),
		"entity": l.EntityID, "iat": strconv.FormatInt(l.IssuedAt, 10), "exp": strconv.FormatInt(l.Expiry, 10),
		"scope": l.Scope, "addr": l.Address, "kid": l.KeyID,
	}
	if l.Proof != "" {
		m["proof"] = l.Proof
	}
	if l.Generation != "" {
		m["gen"] = l.Generation
	}
	if len(l.Context) > 0 {
		declared, _ := json.Marshal(l.Context) // strings always marshal
		m["ctx"] = string(declared)
	}
	if pos := l.Issued.String(); pos != "" {
		m["pos"], m["req"] = pos, l.RequestID
		if l.Stage != "" {
			m["stage"] = l.Stage
		}
	}
	return m
}

// renewed returns a lease as Vault stores it, with where its renewal is in the
// journal.
func renewed(m map[string]any, at journal.Position, when time.Time) map[string]any {
	if pos := at.String(); pos != "" {
		m = maps.Clone(m)
		m["renewed"], m["renewed_at"] = pos, strconv.FormatInt(when.Unix(), 10)
	}
	return m
}

func readLease(m map[string]any) (*lease, error) {
	text := func(key string) string { s, _ := m[key].(string); return s }
	l := &lease{
		Contract: text("role"), ContractID: text("id"), EntityID: text("entity"),
		Scope: text("scope"), Address: text("addr"), Proof: text("proof"), KeyID: text("kid"), Generation: text("gen"),
	}
	if declared := text("ctx"); declared != "" {
		if err := json.Unmarshal([]byte(declared), &l.Context); err != nil {
			return nil, fmt.Errorf("lease is damaged: %w", err)
		}
	}
	if v := text("v"); v != leaseVersion {
		return nil, fmt.Errorf("lease has version %.20q, this plugin knows %s", v, leaseVersion)
	}
	var errs [6]error
	l.Serial, errs[0] = strconv.ParseUint(text("serial"), 10, 64)
	l.IssuedAt, errs[1] = strconv.ParseInt(text("iat"), 10, 64)
	l.Expiry, errs[2] = strconv.ParseInt(text("exp"), 10, 64)
	l.RequestID, l.Stage = text("req"), text("stage")
	l.Issued, errs[3] = journal.ParsePosition(text("pos"))
	l.Renewed, errs[4] = journal.ParsePosition(text("renewed"))
	if at := text("renewed_at"); at != "" {
		l.RenewedAt, errs[5] = strconv.ParseInt(at, 10, 64)
	}
	for _, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("lease is damaged: %w", err)
		}
	}
	if l.ContractID == "" {
		return nil, fmt.Errorf("lease is damaged: it names no contract")
	}
	return l, nil
}

func (b *backend) secret() *framework.Secret {
	return &framework.Secret{Type: secretType, Renew: b.renew, Revoke: b.revoke}
}

// leased wraps a credential in the response that makes Vault create its lease.
func (b *backend) leased(req *logical.Request, declared map[string]string, g *minter.Grant, made *minter.Credential, told *event) *logical.Response {
	l := lease{
		Contract: g.Contract.Name, ContractID: g.Contract.ID, Serial: g.Serial, EntityID: g.ClientID,
		IssuedAt: g.Issued.Unix(), Expiry: g.Expiry.Unix(), Scope: told.scopes, KeyID: made.KeyID,
		Generation: g.Generation, Context: declared,
		Issued: told.position, RequestID: told.requestID, Stage: g.Stage,
	}
	if addr := remoteAddr(req); addr.IsValid() {
		l.Address = addr.String()
	}
	if cnf := g.Confirmation; cnf != nil {
		l.Proof = ramp.ProofDPoP
		if cnf.X5T != "" {
			l.Proof = ramp.ProofMTLS
		}
	}
	data := endpoint.Encode(credsResponse{
		ExpiresAt: stamp(g.Expiry), Scope: l.Scope, Audience: g.Audience, Subject: g.Subject,
		JTI: told.jti, Contract: l.Contract, Revision: g.Contract.Revision(), Serial: l.Serial,
		Stage: g.Stage, Generation: g.Generation,
	})
	for k, v := range made.Data {
		data[k] = v
	}
	resp := b.Secret(secretType).Response(data, l.internal())
	resp.Secret.TTL = time.Duration(g.TTL) * time.Second
	resp.Secret.MaxTTL = g.Expiry.Sub(g.Issued)
	resp.Secret.Renewable = g.Renewable
	return resp
}

// renew decides again, with facts looked up anew: nobody is there to ask, and
// the one who renews may be somebody else. A refused renewal kills the
// credential, because Vault itself would let the lease run on.
func (b *backend) renew(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	began := time.Now()
	resp, err := b.decideRenewal(ctx, req)
	return resp, b.leaseAnswer(req, err, began)
}

// leaseAnswer is answer for what Vault asks about a lease.
func (b *backend) leaseAnswer(req *logical.Request, err error, began time.Time) error {
	answer := b.answer(req, err)
	b.metrics.Served("lease", string(req.Operation), statusText(endpoint.Status(answer, http.StatusOK)), time.Since(began))
	return answer
}

func (b *backend) decideRenewal(ctx context.Context, req *logical.Request) (*logical.Response, error) {
	l, err := readLease(req.Secret.InternalData)
	if err != nil {
		return nil, err
	}
	if err := b.settle(ctx, l, false); err != nil {
		return nil, err
	}
	told := l.told(kindRenew)
	ttl, denial, err := b.renewal(ctx, req.Storage, l, told)
	if err != nil {
		return nil, err
	}
	told.ttl = ttl
	if denial != nil {
		told.kind, told.phase, told.denial = kindDeny, ramp.PhaseRenew, denial
	}
	if err := b.tell(ctx, told); err != nil {
		return nil, err
	}
	if denial != nil {
		died := l.told(kindRevoke)
		died.detail = (&ramp.Denial{Code: denial.Code, Reason: unquoted(denial)}).Error()
		if err := b.killSerial(ctx, req.Storage, l.credential(), l.Expiry, died); err != nil {
			return nil, err
		}
		// "permission denied" is what makes Vault Agent stop renewing and
		// fetch a new credential.
		return nil, logical.CodedError(http.StatusForbidden, denial.Error()+"; permission denied: the credential is dead")
	}
	secret := *req.Secret
	resp := &logical.Response{Secret: &secret}
	resp.Secret.InternalData = renewed(req.Secret.InternalData, told.position, b.now())
	resp.Secret.TTL = time.Duration(ttl) * time.Second
	// The client's increment beats TTL; MaxTTL, counted from the issue,
	// bounds this renewal to what was decided.
	resp.Secret.MaxTTL = b.now().Sub(req.Secret.IssueTime) + resp.Secret.TTL
	return resp, nil
}

// renewal returns for how long the lease may go on, or why it may not. It adds
// to told what it learns.
func (b *backend) renewal(ctx context.Context, s logical.Storage, l *lease, told *event) (ramp.Seconds, *ramp.Denial, error) {
	c, done, err := b.contracts.read(ctx, s, l.Contract)
	defer done()
	if err != nil {
		return 0, nil, err
	}
	if c == nil || c.ID != l.ContractID {
		return 0, &ramp.Denial{Code: ramp.CredentialRevoked, Reason: fmt.Sprintf("contract %q, which issued this credential, was deleted", l.Contract)}, nil
	}
	svc, release, err := b.services.read(ctx, s, c.Service)
	defer release()
	if err != nil {
		return 0, nil, err
	}
	if svc == nil {
		return 0, nil, fmt.Errorf("contract %q is with service %q, which does not exist", c.Name, c.Service)
	}
	told.revision, told.service, told.credentialType = c.Revision(), c.Service, c.CredentialType
	return b.renewFrom(ctx, s, l, c, svc, told)
}

func (b *backend) renewFrom(ctx context.Context, s logical.Storage, l *lease, c *contract, svc *service, told *event) (ramp.Seconds, *ramp.Denial, error) {
	caller, err := b.caller(l.EntityID, c.NeedsGroups(svc.Service))
	if err != nil {
		return 0, nil, err
	}
	scopes, err := ramp.NewScopes(strings.Fields(l.Scope)...)
	if err != nil {
		return 0, nil, err
	}
	state := b.stateOf(c, svc, b.suspensions.of(l.EntityID))
	var x *standing
	if c.Tracked() {
		if x, err = b.settled(ctx, s, c, l.EntityID); err != nil {
			return 0, nil, err
		}
		defer x.unlock()
		state.Progress = x.stored.Progress
	}
	dead, err := b.kills.state(ctx, s) // after settling, which may have killed
	if err != nil {
		return 0, nil, err
	}
	now := b.now()
	expiry := l.Expiry
	if end := dead.Ends(l.ContractID, l.Serial); end != 0 {
		expiry = min(expiry, end) // its generation retires then
	}
	addr, _ := netip.ParseAddr(l.Address)
	began := time.Now()
	decision := ramp.Decide(c.Contract, svc.Service, state, ramp.Facts{
		Phase: ramp.PhaseRenew, Now: now, Caller: caller, RemoteAddr: addr, Limits: b.config.Load().limits(),
		Request: ramp.Request{Context: l.Context},
		Held: ramp.Held{
			Scopes: scopes, Expiry: time.Unix(expiry, 0), Generation: l.Generation, Proof: l.Proof,
			Dead: dead.Dead(l.credential(), now.Unix()) != "",
		},
	})
	told.stage, told.took = state.Progress.Stage, time.Since(began)
	if denial := decision.Denial(); denial != nil {
		return 0, denial, nil
	}
	if x != nil {
		if err := b.proceed(ctx, s, c, l.EntityID, x, decision.After()); err != nil {
			return 0, nil, err
		}
	}
	return decision.Grant().TTL, nil, nil
}

// revoke kills the credential of a lease. It needs neither role, service, key
// nor config, and costs no write when the credential is dead already.
func (b *backend) revoke(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	began := time.Now()
	l, err := readLease(req.Secret.InternalData)
	if err == nil {
		err = errors.Join(b.settle(ctx, l, false), b.ended(ctx, req.Storage, l), b.released(ctx, req.Storage, l), b.settle(ctx, l, true))
	}
	return nil, b.leaseAnswer(req, err, began)
}

// ended tells what the end of a lease means for its credential.
func (b *backend) ended(ctx context.Context, s logical.Storage, l *lease) error {
	dead, err := b.kills.state(ctx, s)
	if err != nil {
		return err
	}
	end := endOf(dead, l.credential(), l.Expiry)
	if end > b.now().Unix() {
		return b.killSerial(ctx, s, l.credential(), l.Expiry, l.told(kindRevoke))
	}
	if dead.Dead(l.credential(), end-1) != "" {
		return nil // something else had killed it before
	}
	told := l.told(kindExpire)
	told.expiry = time.Unix(end, 0)
	return b.tell(ctx, told)
}

// told is an event about the credential of a lease.
func (l *lease) told(kind eventKind) *event {
	return &event{
		kind: kind, contract: l.Contract, contractID: l.ContractID, caller: l.EntityID,
		jti: token.ID(l.ContractID, l.Serial), serial: l.Serial, keyID: l.KeyID, scopes: l.Scope, generation: l.Generation,
		issued: time.Unix(l.IssuedAt, 0), expiry: time.Unix(l.Expiry, 0),
	}
}
