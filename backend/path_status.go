package backend

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"golang.org/x/time/rate"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

const (
	statusTTL    = 5 // seconds for which verifiers may use a status list
	statusExpiry = 10 * time.Minute
	statusMaxAge = statusTTL * time.Second // a list is signed again after that
	statusLists  = 1024                    // signed lists kept
)

type statusRequest struct {
	ID string `json:"id" path:"true" doc:"Id of a contract."`
	N  string `json:"n" path:"true" doc:"Number of the list."`
}

// signedLists keeps signed status lists: whoever asks often gets the same one.
type signedLists struct {
	mu   sync.Mutex
	list map[string]*signedList // by URI path
}

type signedList struct {
	jws   string
	at    time.Time
	stale bool
	limit *rate.Limiter // one signature a second, and a few in a row
}

func statusRef(issuer, contract string, serial uint64) *token.StatusRef {
	return &token.StatusRef{Index: serial % revocation.ListSize, URI: issuer + "/" + listKey(contract, serial/revocation.ListSize)}
}

func (b *backend) pathStatus() endpoint.Path {
	return endpoint.Path{
		Pattern:  `status/(?P<id>[a-z0-9]{1,64})/(?P<n>[0-9]{1,15})`,
		Suffix:   "status-list",
		Synopsis: "Token status list of a contract (draft-ietf-oauth-status-list).",
		Help:     "One bit per serial, set when the credential is dead. The list is a signed JWT.",
		Read:     endpoint.Handle("Read a token status list.", b.readStatus),
	}
}

func (b *backend) readStatus(ctx context.Context, call *endpoint.Call, req *statusRequest) (*endpoint.Raw, error) {
	n, err := strconv.ParseUint(req.N, 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != req.N {
		return nil, endpoint.NotFound("there is no status list %s", req.N)
	}
	issuer := b.config.Load().Issuer
	if issuer == "" {
		return nil, endpoint.NotFound("the mount is not configured: no issuer is set")
	}
	b.lists.mu.Lock()
	defer b.lists.mu.Unlock()
	key, now := listKey(req.ID, n), b.now()
	have := b.lists.list[key]
	if have != nil && now.Sub(have.at) < statusMaxAge && (!have.stale || !have.limit.AllowN(now, 1)) {
		return statusList(have.jws), nil
	}
	dead, err := b.kills.state(ctx, call.Storage)
	if err != nil {
		return nil, err
	}
	if exists, err := b.statusExists(ctx, call.Storage, dead, req.ID, n); err != nil || !exists {
		if err == nil {
			err = endpoint.NotFound("there is no status list %d of contract %s", n, req.ID)
		}
		return nil, err
	}
	payload, err := json.Marshal(map[string]any{
		"sub": issuer + "/" + key, "iat": now.Unix(), "exp": now.Add(statusExpiry).Unix(), "ttl": statusTTL,
		"status_list": map[string]any{"bits": 1, "lst": dead.List(req.ID, n, now.Unix()).Encode()},
	})
	if err != nil {
		return nil, err
	}
	jws, _, err := b.keys.Sign(defaultKey, token.TypeStatusList, payload)
	if err != nil {
		return nil, err
	}
	b.lists.put(key, jws, now)
	return statusList(jws), nil
}

func (b *backend) statusExists(ctx context.Context, s logical.Storage, dead *revocation.State, contract string, n uint64) (bool, error) {
	within := func(end uint64) bool { return end > 0 && n <= (end-1)/revocation.ListSize }
	if within(dead.Floor(contract, b.now().Unix())) {
		return true, nil // also when the contract was deleted
	}
	if _, ok := dead.Chunk(contract, n); ok {
		return true, nil
	}
	state, err := get[contractState](ctx, s, statePrefix+contract)
	return state != nil && within(state.Reserved), err
}

func statusList(jws string) *endpoint.Raw {
	return &endpoint.Raw{ContentType: "application/statuslist+jwt", Body: []byte(jws), MaxAge: fmt.Sprint(statusTTL)}
}

// put keeps a signed list. The caller holds l.mu.
func (l *signedLists) put(key, jws string, now time.Time) {
	if len(l.list) >= statusLists {
		clear(l.list)
	}
	if l.list == nil {
		l.list = make(map[string]*signedList)
	}
	have := l.list[key]
	if have == nil {
		have = &signedList{limit: rate.NewLimiter(1, 5)}
		l.list[key] = have
	}
	have.jws, have.at, have.stale = jws, now, false
}

// changed marks what an event makes out of date.
func (l *signedLists) changed(e revocation.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Type == revocation.EventSerial {
		if have := l.list[listKey(e.Contract, e.Serial/revocation.ListSize)]; have != nil {
			have.stale = true
		}
		return
	}
	if e.Type == revocation.EventKey {
		clear(l.list) // one of them could be signed with that key
		return
	}
	for _, have := range l.list {
		have.stale = true
	}
}

func (l *signedLists) forgetAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.list)
}
