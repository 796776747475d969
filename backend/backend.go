// Package backend is the Vault secrets engine: it puts the domain of package
// ramp behind Vault's paths, storage and leases.
package backend

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/account"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/journal"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/keyring"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/metrics"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/condition"
)

const help = `
The ramp engine gives workloads ramp contracts: who may act on what, with which
scopes, for how long. Declare a service, write a contract as a role, and read
short-lived, lease-bound credentials from creds/<role>.
`

// backend is one mount. A plugin process holds several.
type backend struct {
	*framework.Backend
	now       func() time.Time
	panics    atomic.Uint64
	listeners []listener
	journal   *journal.Journal
	recording atomic.Bool // the ledger is on

	essentials  essentials
	keys        *keyring.Ring
	conditions  *condition.Compiler
	config      atomic.Pointer[config]
	configMu    sync.Mutex   // held while config changes
	keysMu      sync.RWMutex // held while key sets change; for reading by those who start to use one
	services    shelf[service]
	contracts   shelf[contract]
	suspensions suspensions
	kills       kills
	feed        feed
	lists       signedLists
	metrics     *metrics.Metrics
	accounts    accounts
	storage     logical.Storage // for when there is no request
}

// Factory returns a logical.Factory for an engine that reports the given version.
func Factory(version string) logical.Factory {
	return func(ctx context.Context, conf *logical.BackendConfig) (logical.Backend, error) {
		b := newBackend(version, time.Now)
		if err := b.Setup(ctx, conf); err != nil {
			return nil, err
		}
		return &edge{b}, nil
	}
}

func newBackend(version string, now func() time.Time) *backend {
	b := &backend{now: now, keys: keyring.New(now), conditions: condition.NewCompiler()}
	b.services.load = b.loadService
	b.contracts.load = b.loadContract
	b.feed.closed = make(chan struct{})
	b.journal = journal.New(now, func() time.Time { return time.Unix(b.until(), 0) }, b.ledgerWaits)
	b.journal.Redo = b.redo
	b.accounts.Book = account.New(now())
	b.metrics = metrics.New(version, b.measured)
	b.listeners = []listener{b.tally, b.enter} // the ledger last: what another could not note is not done
	b.Backend = &framework.Backend{
		Help:           strings.TrimSpace(help),
		BackendType:    logical.TypeLogical,
		RunningVersion: version,
		Secrets:        []*framework.Secret{b.secret()},
		PathsSpecial: &logical.Paths{
			Unauthenticated: []string{".well-known/openid-configuration", ".well-known/jwks.json", "bundle", "conditions/*", "status/*", "feed", "health"},
			SealWrapStorage: []string{keysPrefix, ledgerPrefix + journal.KeyPath},
		},
		InitializeFunc: b.initialize,
		PeriodicFunc:   b.periodic,
		Invalidate:     b.invalidate,
		Clean:          b.close,
	}
	for _, p := range b.paths() {
		b.Paths = append(b.Paths, p.Framework(observer{b}))
	}
	return b
}

// Setup implements logical.Backend.
func (b *backend) Setup(ctx context.Context, conf *logical.BackendConfig) error {
	if conf.StorageView != nil {
		b.attach(conf.StorageView)
	}
	remembering := *conf
	if conf.System != nil {
		remembering.System = &system{SystemView: conf.System, now: b.now, local: sync.OnceValue(conf.System.LocalMount)}
	}
	return b.Backend.Setup(ctx, &remembering)
}

// attach says where to store what is stored outside of any request.
func (b *backend) attach(s logical.Storage) {
	b.storage = s
	b.journal.Attach(ledgerStorage{s})
}

func (b *backend) paths() []endpoint.Path {
	return []endpoint.Path{
		b.pathConfig(),
		b.pathKeyRotate(), b.pathKeyRevoke(), b.pathKey(), b.pathKeys(),
		b.pathServiceSuspend(), b.pathServiceResume(), b.pathService(), b.pathServices(),
		b.pathConsent(),
		b.pathRoleSuspend(), b.pathRoleResume(), b.pathRoleRevoke(), b.pathRoleDeploy(), b.pathRoleAdvance(), b.pathRoleRetreat(),
		b.pathRoleCallers(), b.pathRoleCaller(), b.pathRole(), b.pathRoles(),
		b.pathCallerSuspend(), b.pathCallerResume(),
		b.pathCreds(), b.pathExplain(), b.pathEvidence(), b.pathIntrospect(), b.pathRevoke(),
		b.pathDiscovery(), b.pathJWKS(), b.pathBundle(),
		b.pathConditions(), b.pathStatus(), b.pathFeed(), b.pathHealth(),
		b.pathCheckpoint(), b.pathTile(), b.pathEntries(), b.pathProof(), b.pathLedgerKeyRotate(), b.pathLedgerKey(),
		b.pathMetrics(), b.pathExpiring(), b.pathUsage(), b.pathIdle(), b.pathDenials(), b.pathGraph(),
	}
}

// answer is the error that goes to Vault for err, see endpoint.Answer.
func (b *backend) answer(req *logical.Request, err error) error {
	answer, ours := endpoint.Answer(err)
	if ours {
		b.report(req, err)
	}
	return answer
}

// report logs a fault of ours before the user gets a 500 that hides it.
func (b *backend) report(req *logical.Request, err error) {
	b.Logger().Error("request failed", "path", req.Path, "operation", req.Operation, "request_id", req.ID, "error", err)
}

func (b *backend) initialize(ctx context.Context, req *logical.InitializationRequest) error {
	if !b.WriteSafeReplicationState() {
		return nil
	}
	return b.ready(ctx, req.Storage)
}

// invalidate drops what is cached of a key that another node changed.
func (b *backend) invalidate(_ context.Context, key string) {
	switch {
	case strings.HasPrefix(key, servicesPrefix):
		b.services.forget(strings.TrimPrefix(key, servicesPrefix))
	case strings.HasPrefix(key, rolesPrefix):
		b.contracts.forget(strings.TrimPrefix(key, rolesPrefix))
	case strings.HasPrefix(key, statePrefix), strings.HasPrefix(key, callersPrefix), strings.HasPrefix(key, consentsPrefix):
		b.contracts.forgetAll()
	case strings.HasPrefix(key, accountsPrefix):
		// The node that counts is the one that writes.
	case strings.HasPrefix(key, statusPrefix), strings.HasPrefix(key, killsPrefix), key == feedKey:
		b.kills.forget()
		b.feed.reopen() // its events are not all there were
		b.lists.forgetAll()
	case strings.HasPrefix(key, ledgerPrefix):
		b.journal.Forget()
	default:
		b.essentials.forget()
		b.lists.forgetAll()
	}
}

// essentials is what every request needs in memory: few and small things.
type essentials struct {
	changes atomic.Uint64
	loaded  atomic.Uint64 // 1 + changes when loading began
	mu      sync.Mutex
}

func (e *essentials) forget() { e.changes.Add(1) }

func (e *essentials) current() bool { return e.loaded.Load() == e.changes.Load()+1 }

// ready loads what every request needs, once. A failure is tried again by the
// next request.
func (b *backend) ready(ctx context.Context, s logical.Storage) error {
	if b.essentials.current() {
		return nil
	}
	b.essentials.mu.Lock()
	defer b.essentials.mu.Unlock()
	if b.essentials.current() {
		return nil
	}
	if b.storage == nil { // Vault gives one to Setup; who embeds an engine need not
		b.attach(s)
	}
	changes := b.essentials.changes.Load()
	for _, load := range []func(context.Context, logical.Storage) error{
		b.upgrade, b.loadConfig, b.loadKeys, b.loadSuspensions,
	} {
		if err := load(ctx, s); err != nil {
			return err
		}
	}
	b.essentials.loaded.Store(changes + 1)
	return nil
}
