package backend

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/account"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/metrics"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
)

// accounts is the book that reports are made of, and its copy in storage below
// accounts/. The copy is written about once a minute and when the engine is
// closed, so that no request waits for it; a crash loses what came after.
type accounts struct {
	*account.Book
	storing sync.Mutex // held while pages are read or written
	loaded  atomic.Bool
}

// tally is the listener that counts what happens, for metrics and reports.
func (b *backend) tally(_ context.Context, _ logical.Storage, e *event) error {
	m, book := b.metrics, b.accounts.Book
	c := account.Credential{ID: e.contractID, Contract: e.contract, Caller: e.caller, KeyID: e.keyID, Expiry: e.expiry}
	switch e.kind {
	case kindIssue:
		m.Decided(e.contract, e.credentialType, metrics.Issue, metrics.Granted, e.took)
		book.Issued(e.at, c)
	case kindRenew:
		m.Decided(e.contract, e.credentialType, metrics.Renew, metrics.Granted, e.took)
		book.Renewed(e.at, c)
	case kindDeny:
		contract := e.contract
		if e.service == "" {
			contract = metrics.Others // it was deleted, and its leases outlive it
		}
		m.Decided(contract, e.credentialType, phase(e), string(e.denial.Code), e.took)
		book.Denied(e.at, e.contract, e.caller, string(e.denial.Code))
	case kindRevoke:
		m.Ended(e.contract, metrics.Revoked, 1)
		book.Revoked(e.at, c)
	case kindExpire:
		m.Ended(e.contract, metrics.Expired, 1)
		book.Expired(e.at, c)
	case kindStage:
		m.Moved(e.contract, direction(e))
	case kindEvidence:
		m.Reported(e.contract, e.accepted, e.refused)
		book.Reported(e.at, e.contract, e.caller, e.accepted, e.refused)
		if len(e.accepts) > 0 {
			book.UsedScopes(e.at, e.contractID, e.contract, e.accepts)
		}
	default:
		m.Changed(string(e.kind))
	}
	return nil
}

func phase(e *event) string {
	if e.phase == ramp.PhaseRenew {
		return metrics.Renew
	}
	return metrics.Issue
}

func direction(e *event) string {
	if e.fell {
		return metrics.Down
	}
	return metrics.Up
}

// died counts what an event killed together.
func (b *backend) died(e revocation.Event) {
	for contract, n := range b.accounts.Died(b.now(), e) {
		b.metrics.Ended(contract, metrics.Killed, n)
	}
}

// forgetAccount drops what is counted of a contract that was deleted; its past
// hours stay.
func (b *backend) forgetAccount(c *contract) {
	b.accounts.Deleted(c.ID)
	b.metrics.Forget(c.Name)
}

// accountPages are the names of what is stored of the book.
func accountPages(ctx context.Context, s logical.Storage) ([]string, error) {
	names, err := list(ctx, s, accountsPrefix)
	if err != nil {
		return nil, err
	}
	var pages []string
	for _, name := range names {
		if name[len(name)-1] != '/' {
			pages = append(pages, name)
			continue
		}
		below, err := list(ctx, s, accountsPrefix+name)
		if err != nil {
			return nil, err
		}
		for _, page := range below {
			pages = append(pages, name+page)
		}
	}
	return pages, nil
}

// loadAccounts adds what was stored to the book, once. It is not part of
// becoming ready: the first credential does not wait for it.
func (b *backend) loadAccounts(ctx context.Context, s logical.Storage) error {
	a := &b.accounts
	if a.loaded.Load() {
		return nil
	}
	a.storing.Lock()
	defer a.storing.Unlock()
	if a.loaded.Load() {
		return nil
	}
	names, err := accountPages(ctx, s)
	if err != nil {
		return err
	}
	pages := make(map[string][]byte, len(names))
	for _, name := range names {
		entry, err := s.Get(ctx, accountsPrefix+name)
		if err != nil {
			return err
		}
		if entry != nil {
			pages[name] = entry.Value
		}
	}
	a.Load(pages)
	a.loaded.Store(true)
	return nil
}

// storeAccounts writes what changed in the book since the last time.
func (b *backend) storeAccounts(ctx context.Context, s logical.Storage) error {
	if err := b.loadAccounts(ctx, s); err != nil {
		return err
	}
	a := &b.accounts
	a.storing.Lock()
	defer a.storing.Unlock()
	pages := a.Changes(b.now())
	defer func() {
		for name := range pages {
			a.Unstored(name) // be it for a panic
		}
	}()
	var errs []error
	for name, text := range pages {
		var err error
		if text == nil {
			err = s.Delete(ctx, accountsPrefix+name)
		} else {
			err = s.Put(ctx, &logical.StorageEntry{Key: accountsPrefix + name, Value: text})
		}
		if err == nil {
			delete(pages, name)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// closeWait is how long storing may hold up a seal.
const closeWait = 2 * time.Second

// close is called when Vault seals, steps down, unmounts or reloads.
func (b *backend) close(ctx context.Context) {
	b.feed.close()
	b.closeLedger(ctx)
	ctx, cancel := context.WithTimeout(ctx, closeWait)
	defer cancel()
	if b.storage != nil && b.WriteSafeReplicationState() {
		if err := b.storeAccounts(ctx, b.storage); err != nil {
			b.Logger().Warn("what was counted in the last minute is lost", "error", err)
		}
	}
}
