package backend

import (
	"context"
	"fmt"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

type roleRequest struct {
	endpoint.Named
	ramp.Terms
	expectation
}

type roleResponse struct {
	ramp.Terms
	roleStatus
	Generation string `json:"generation" doc:"Current generation, empty before the first deploy."`
	WaitingOn  string `json:"waiting_on,omitempty" doc:"Who has to act before the contract can issue."`
	Floor      uint64 `json:"floor" doc:"Every serial below is dead."`
	Created    string `json:"created" doc:"RFC 3339 time of the first write."`
	Updated    string `json:"updated" doc:"RFC 3339 time of the last write."`
}

type roleStatus struct {
	ID       string `json:"id" doc:"Unique for ever; a later contract of this name has another."`
	Revision string `json:"revision" doc:"SHA-256 of the terms in canonical JSON."`
	State    string `json:"state" doc:"active, suspended, awaiting_consent, not_started, off_ramp or expired."`
}

func (b *backend) pathRoles() endpoint.Path {
	return endpoint.Path{
		Pattern: "roles/?", Suffix: "roles", Synopsis: "List the contracts.",
		Help: "A contract says which caller may act on which service. Read roles/<name> for its terms and state.",
		List: endpoint.Handle("List the contracts.", func(ctx context.Context, call *endpoint.Call, _ *endpoint.None) (*endpoint.Keys, error) {
			names, err := list(ctx, call.Storage, rolesPrefix)
			return &endpoint.Keys{Keys: names}, err
		}),
	}
}

func (b *backend) pathRole() endpoint.Path {
	return endpoint.Path{
		Pattern:  "roles/" + name(),
		Suffix:   "role",
		Synopsis: "Manage a contract: who may act on which service, with which scopes, for how long.",
		Help:     "An edit that takes something away kills the credentials issued so far; one that only adds leaves them alive.",
		Exists: func(ctx context.Context, s logical.Storage, name string) (bool, error) {
			entry, err := s.Get(ctx, rolesPrefix+name)
			return entry != nil, err
		},
		Read:   endpoint.Handle("Read a contract and its state.", b.readRole),
		Write:  endpoint.Handle("Define a contract or change it. Fields that are not given keep their value.", b.writeRole),
		Delete: endpoint.Handle("Delete a contract and kill what it issued.", b.deleteRole),
	}
}

func (b *backend) readRole(ctx context.Context, call *endpoint.Call, req *endpoint.Named) (*roleResponse, error) {
	c, done, err := b.contracts.read(ctx, call.Storage, req.Name)
	defer done()
	if err != nil || c == nil {
		return nil, err
	}
	svc, release, err := b.services.read(ctx, call.Storage, c.Service)
	defer release()
	if err != nil || svc == nil {
		return nil, err
	}
	dead, err := b.kills.state(ctx, call.Storage)
	if err != nil {
		return nil, err
	}
	resp := &roleResponse{
		Terms: c.Terms, roleStatus: b.status(c, svc), Generation: c.state.Generations.Current(),
		Floor: max(c.state.Floor, dead.Floor(c.ID, b.now().Unix())), Created: stamp(c.stored.Created), Updated: stamp(c.stored.Updated),
	}
	if resp.State == "awaiting_consent" {
		resp.WaitingOn = fmt.Sprintf("the team of service %s: write services/%s/consents/%s revision=%s", svc.Name, svc.Name, c.Name, c.Revision())
	}
	return resp, nil
}

func (b *backend) status(c *contract, svc *service) roleStatus {
	return roleStatus{c.ID, c.Revision(), c.State(svc.Service, b.stateOf(c, svc, suspension{}), b.now())}
}

// stateOf is what operators left behind, for a decision.
func (b *backend) stateOf(c *contract, svc *service, caller suspension) ramp.State {
	return ramp.State{
		ContractSuspended: c.state.Suspended, ServiceSuspended: svc.stored.Suspended, CallerSuspended: caller.Suspended,
		Consent: c.consent, Generations: c.state.Generations,
	}
}

func (b *backend) writeRole(ctx context.Context, call *endpoint.Call, req *roleRequest) (*roleStatus, error) {
	name := req.Name
	sl, done, err := b.contracts.write(ctx, call.Storage, name)
	if err != nil {
		return nil, err
	}
	defer done()
	was := sl.value
	if err := req.met("contract", was.revision()); err != nil {
		return nil, err
	}
	stored, state := storedContract{ID: newContractID(), Created: b.now().UTC()}, contractState{Name: name, Reserved: serialBlock}
	if was != nil {
		stored, state = was.stored, was.state
	}
	if err := call.Merge(&stored.Terms); err != nil {
		return nil, err
	}
	b.keysMu.RLock() // the key must not go away before the contract is known to use it
	defer b.keysMu.RUnlock()
	c, err := b.compile(name, stored.ID, stored.Terms)
	if err != nil {
		return nil, endpoint.BadRequest("%v", err)
	}
	svc, release, err := b.services.read(ctx, call.Storage, c.Service)
	defer release() // nor must the service
	if err != nil {
		return nil, err
	}
	if svc == nil {
		return nil, endpoint.BadRequest("there is no service %.80q; declare it first: vault write <mount>/services/<name> audience=… scopes=…", c.Service)
	}
	if err := c.Fits(svc.Service, b.config.Load().limits()); err != nil {
		return nil, endpoint.BadRequest("%v", err)
	}
	told := c.about(kindRoleWrite)
	if was != nil {
		told.from = was.Revision()
	}
	if err := b.tell(ctx, told); err != nil {
		return nil, err
	}
	if was != nil && !c.Keeps(&was.Terms) && was.used() > was.state.Floor {
		// Before the write: if that fails, callers fetch once more, and
		// nothing outlives a right that was taken away.
		if err := b.raiseFloor(ctx, call.Storage, was); err != nil {
			sl.value = nil
			return nil, err
		}
		state = was.state
		call.Warn("this edit takes something away: credentials issued so far (serials below %d) are dead, callers fetch new ones", state.Floor)
	}
	stored.Terms, stored.Updated = c.Terms, b.now().UTC()
	c.stored, c.state = stored, state
	if was != nil {
		c.next.Store(was.next.Load())
		c.standings = was.standings
	}
	if err := voidConsent(ctx, call.Storage, was, c); err != nil {
		sl.value = nil
		return nil, err
	}
	if err := b.storeContract(ctx, call.Storage, was, c); err != nil {
		sl.value = nil
		return nil, err
	}
	sl.value = c
	status := b.status(c, svc)
	if status.State == "awaiting_consent" {
		call.Warn("service %q has to accept this revision before anything is issued: vault write <mount>/services/%s/consents/%s revision=%s", svc.Name, svc.Name, name, status.Revision)
	}
	return &status, nil
}

// voidConsent ends the consent to the terms before an edit, for good: it does
// not come back when the terms are edited back.
func voidConsent(ctx context.Context, s logical.Storage, was, c *contract) (err error) {
	if was != nil && was.consent != "" && was.Revision() != c.Revision() {
		given, err := get[consent](ctx, s, consentPath(was.Service, was.Name))
		if err != nil {
			return err
		}
		if given != nil {
			given.Void = true
			if err := put(ctx, s, consentPath(was.Service, was.Name), given); err != nil {
				return err
			}
		}
	}
	c.consent, err = loadConsent(ctx, s, c)
	return err
}

// storeContract writes a contract. The order leaves nothing behind that a
// later write would not mend: state first, uses before the contract that has
// them, and those it no longer has last.
func (b *backend) storeContract(ctx context.Context, s logical.Storage, was, c *contract) error {
	if was == nil {
		if err := put(ctx, s, statePrefix+c.ID, c.state); err != nil {
			return err
		}
	}
	for _, key := range c.uses() {
		if err := put(ctx, s, key, struct{}{}); err != nil {
			return err
		}
	}
	if err := put(ctx, s, rolesPrefix+c.Name, c.stored); err != nil {
		return err
	}
	if was == nil {
		return nil
	}
	return dropUses(ctx, s, was, c)
}

// uses are the storage keys that say which service and signing key a contract uses.
func (c *contract) uses() []string {
	keys := []string{usesPrefix + "service/" + c.Service + "/" + c.Name}
	if c.key != "" {
		keys = append(keys, usesPrefix+"key/"+c.key+"/"+c.Name)
	}
	return keys
}

// dropUses removes what was used and is no longer; now may be nil.
func dropUses(ctx context.Context, s logical.Storage, was, now *contract) error {
	keep := map[string]bool{}
	if now != nil {
		for _, key := range now.uses() {
			keep[key] = true
		}
	}
	for _, key := range was.uses() {
		if keep[key] {
			continue
		}
		if err := s.Delete(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

func (b *backend) deleteRole(ctx context.Context, call *endpoint.Call, req *deleteRequest) (*endpoint.Nothing, error) {
	sl, done, err := b.contracts.write(ctx, call.Storage, req.Name)
	if err != nil {
		return nil, err
	}
	defer done()
	c := sl.value
	if err := req.met("contract", c.revision()); err != nil || c == nil {
		return nil, err
	}
	if err := b.tell(ctx, c.about(kindRoleDelete)); err != nil {
		return nil, err
	}
	sl.value = nil
	// The floor stays as the tombstone until the last credential has expired.
	if err := b.raiseFloor(ctx, call.Storage, c); err != nil {
		return nil, err
	}
	if err := call.Storage.Delete(ctx, rolesPrefix+c.Name); err != nil {
		return nil, err
	}
	if err := call.Storage.Delete(ctx, statePrefix+c.ID); err != nil {
		return nil, err
	}
	if err := b.forgetCallers(ctx, call.Storage, c); err != nil {
		return nil, err
	}
	if err := dropUses(ctx, call.Storage, c, nil); err != nil {
		return nil, err
	}
	b.forgetAccount(c)
	return nil, nil
}

// forgetCallers drops what is known of a deleted contract's callers, and the
// consent, which was for this contract and not for a later one of its name.
func (b *backend) forgetCallers(ctx context.Context, s logical.Storage, c *contract) error {
	entities, err := list(ctx, s, callersPrefix+c.ID+"/")
	if err != nil {
		return err
	}
	keys := []string{consentPath(c.Service, c.Name), evidencePrefix + c.ID}
	for _, entity := range entities {
		keys = append(keys, standingKey(c.ID, entity))
	}
	for _, key := range keys {
		if err := s.Delete(ctx, key); err != nil {
			return err
		}
	}
	return nil
}
