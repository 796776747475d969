package backend

import (
	"context"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/journal"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// eventKind says what happened. Kinds are part of what is kept and never change.
type eventKind string

const (
	kindIssue  eventKind = "issue"
	kindRenew  eventKind = "renew"
	kindDeny   eventKind = "deny"   // to issue or to renew, see phase
	kindRevoke eventKind = "revoke" // of one credential that was alive
	kindExpire eventKind = "expire" // of one credential, as Vault ends its lease

	kindStage    eventKind = "stage"    // a caller came to another stage
	kindEvidence eventKind = "evidence" // the service side reported on a caller

	kindRoleWrite   eventKind = "role.write"
	kindRoleDelete  eventKind = "role.delete"
	kindRoleRevoke  eventKind = "role.revoke" // of everything issued, or of one caller's
	kindRoleSuspend eventKind = "role.suspend"
	kindRoleResume  eventKind = "role.resume"
	kindRoleDeploy  eventKind = "role.deploy"

	kindServiceWrite   eventKind = "service.write"
	kindServiceDelete  eventKind = "service.delete"
	kindServiceSuspend eventKind = "service.suspend"
	kindServiceResume  eventKind = "service.resume"

	kindConsentGive     eventKind = "consent.give"
	kindConsentWithdraw eventKind = "consent.withdraw"

	kindCallerSuspend eventKind = "caller.suspend"
	kindCallerResume  eventKind = "caller.resume"

	kindKeyWrite  eventKind = "key.write"
	kindKeyRotate eventKind = "key.rotate"
	kindKeyRevoke eventKind = "key.revoke"
	kindKeyRetire eventKind = "key.retire" // unpublished: the last token it signed has expired
	kindKeyDelete eventKind = "key.delete"

	kindConfigWrite eventKind = "config.write"
)

// event is one decision or one change, told once. Fields that a kind has no use
// for are empty. It never holds a token, a secret or a private key.
type event struct {
	kind      eventKind
	at        time.Time
	requestID string // of Vault: what joins it to an audit device
	by        string // entity ID of who asked; "" for Vault itself and for tokens without an entity

	contract   string
	contractID string
	revision   string
	service    string
	caller     string // entity ID of the caller that it is about

	// Of one credential: it is about one when jti is set.
	jti            string
	serial         uint64
	keyID          string
	credentialType string
	scopes         string // separated by spaces
	stage          string
	generation     string
	issued         time.Time
	expiry         time.Time    // when it ends if nothing kills it, however often it is renewed
	ttl            ramp.Seconds // of its lease from now on; of a deploy the overlap

	phase  ramp.Phase   // of a denial: issue or renew
	denial *ramp.Denial // why

	from     string // stage, revision or generation before
	fell     bool   // to a lower stage, or back to the beginning of it
	accepted uint64 // requests, by evidence
	refused  uint64
	accepts  map[string]uint64 // requests accepted by scope

	key      string           // name of a key set
	position journal.Position // in the journal, once listeners were told
	detail   string           // what else there is to say
	took     time.Duration    // what deciding took
}

// listener is told what happens. An error means that it could not take note,
// and so that what was told must not be done.
type listener func(ctx context.Context, s logical.Storage, e *event) error

// tell reports a decision or a change to everyone who keeps account of them: it
// is the one place through which all of them pass. A change is told before it
// is made and a credential before it leaves, so that an error can still stop
// it. Listeners are on the path of every issue: they neither wait nor store,
// but for the kinds that have to be durable before they are answered.
func (b *backend) tell(ctx context.Context, e *event) error {
	var s logical.Storage
	if req, _ := ctx.Value(requestKey{}).(*logical.Request); req != nil {
		s, e.requestID, e.by = req.Storage, req.ID, req.EntityID
	}
	if e.at.IsZero() {
		e.at = b.now()
	}
	for _, listen := range b.listeners {
		if err := listen(ctx, s, e); err != nil {
			return err
		}
	}
	return nil
}

// requestKey is the context key of the request that is being handled, for tell:
// most of what happens happens deep below a handler.
type requestKey struct{}

func handling(ctx context.Context, req *logical.Request) context.Context {
	return context.WithValue(ctx, requestKey{}, req)
}

// about is an event that concerns a contract.
func (c *contract) about(kind eventKind) *event {
	return &event{
		kind: kind, contract: c.Name, contractID: c.ID, revision: c.Revision(), service: c.Service,
		credentialType: c.CredentialType, generation: c.state.Generations.Current(),
	}
}
