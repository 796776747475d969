package backend

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/journal"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
)

// enter is the listener that brings what happens into the ledger. Issues,
// renewals and denials do not wait for it; everything else is durable before
// it is done. See package journal.
func (b *backend) enter(ctx context.Context, _ logical.Storage, e *event) error {
	if !b.recording.Load() || e.kind == kindExpire || e.kind == kindEvidence {
		return nil
	}
	err := b.append(ctx, e)
	if issuer := b.config.Load().Issuer; errors.Is(err, journal.ErrOff) && issuer != "" {
		// Configured by a version that had no ledger.
		if err = b.journal.Begin(ctx, ledger.Origin(issuer)); err == nil {
			err = b.append(ctx, e)
		}
	}
	return b.mayGoOn(e.kind, err)
}

func (b *backend) append(ctx context.Context, e *event) (err error) {
	switch e.kind {
	case kindIssue, kindRenew:
		e.position, err = b.journal.Add(ctx, e.entry())
		return err
	case kindDeny:
		return b.journal.Deny(ctx, e.entry())
	}
	return b.journal.Record(ctx, e.entry())
}

// mayGoOn is nil when something may be done although recording it failed. What
// cannot be recorded must not be done, but two things: nothing stands between
// operators and a kill, or the switch, when the ledger is damaged.
func (b *backend) mayGoOn(kind eventKind, err error) error {
	var damage *ledger.Damage
	switch {
	case errors.Is(err, journal.ErrOff):
		return nil // before the first config
	case kind == kindDeny && err != nil && !endpoint.ReadOnly(err):
		b.ledgerFails(err)
		return nil
	case !errors.As(err, &damage):
		return err
	}
	switch kind {
	case kindRevoke, kindRoleRevoke, kindRoleSuspend, kindRoleDelete, kindServiceSuspend,
		kindConsentWithdraw, kindCallerSuspend, kindKeyRevoke, kindConfigWrite:
		b.ledgerFails(err)
		return nil
	}
	return &endpoint.Error{
		Status:  http.StatusServiceUnavailable,
		Message: fmt.Sprintf("%v; what it cannot record is not done: restore the storage of the mount, or write config ledger=off", damage),
	}
}

func (b *backend) ledgerFails(err error) {
	b.Logger().Error("something happened that the ledger does not have", "error", err)
}

func (b *backend) ledgerWaits(err error) {
	b.Logger().Error("the ledger could not be written, and is tried again", "error", err)
}

// settle sees to it that the ledger has the issue of a lease's credential and
// its last renewal, which a crash may have lost. See [journal.Journal.Settle].
func (b *backend) settle(ctx context.Context, l *lease, final bool) error {
	if !b.recording.Load() {
		return nil
	}
	issued := func() ledger.Entry { return l.past(kindIssue, l.IssuedAt) }
	renewed := func() ledger.Entry { return l.past(kindRenew, l.RenewedAt) }
	return b.mayGoOn(kindRevoke, errors.Join(
		b.journal.Settle(ctx, l.Issued, final, issued),
		b.journal.Settle(ctx, l.Renewed, final, renewed),
	))
}

// past is an entry about what a lease remembers.
func (l *lease) past(kind eventKind, at int64) ledger.Entry {
	told := l.told(kind)
	told.at, told.stage = time.Unix(at, 0), l.Stage
	if kind == kindIssue {
		told.by, told.requestID = l.EntityID, l.RequestID
	}
	return told.entry()
}

// redo kills what the ledger says was revoked, should a crash have come between.
func (b *backend) redo(ctx context.Context, revoked []ledger.Entry) error {
	dead, err := b.kills.state(ctx, b.storage)
	if err != nil {
		return err
	}
	now := b.now().Unix()
	for _, e := range revoked {
		if e.Serial == nil || e.Expires <= now || dead.Listed(e.ContractID, *e.Serial, now) {
			continue
		}
		if err := b.kill(ctx, b.storage, revocation.Event{
			Type: revocation.EventSerial, Contract: e.ContractID, Serial: *e.Serial, Until: e.Expires + int64(clockMargin/time.Second),
		}); err != nil {
			return err
		}
	}
	return nil
}

// keepLedger is the periodic work: it writes what waits, and drops old bodies.
func (b *backend) keepLedger(ctx context.Context) error {
	if !b.recording.Load() {
		return nil
	}
	_, err := b.journal.Log(ctx) // even if nothing happens: what a crash interrupted is done, and damage is known
	if err == nil {
		err = b.journal.Flush(ctx)
	}
	if keep := b.config.Load().LedgerRetention; err == nil && keep > 0 {
		err = b.journal.Prune(ctx, b.now().Add(-keep.Duration()))
	}
	if errors.Is(err, journal.ErrOff) {
		return nil
	}
	return err
}

// closeLedger writes what waits before the plugin stops. Who stops it waits no
// longer than a moment: leases bring back what was lost.
func (b *backend) closeLedger(ctx context.Context) {
	done := make(chan error, 1)
	go func() { done <- b.journal.Close(ctx) }()
	select {
	case err := <-done:
		if err != nil {
			b.ledgerWaits(err)
		}
	case <-time.After(heldWait):
	}
}
