package verifytest

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

const forever = math.MaxInt64 // nothing is forgotten

// feed is what died, in order.
type feed struct {
	mu     sync.Mutex
	events []revocation.Event
	start  uint64
	grown  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func (f *feed) init() {
	f.start = 1 << 32
	f.grown, f.closed = make(chan struct{}), make(chan struct{})
}

func (f *feed) close() { f.once.Do(func() { close(f.closed) }) }

func (f *feed) add(e revocation.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e.Until = forever
	f.events = append(f.events, e)
	close(f.grown)
	f.grown = make(chan struct{})
}

// Cursor is where the feed stands. A verifier whose Stats().FeedCursor is as
// large has heard of all that was killed so far.
func (i *Issuer) Cursor() uint64 {
	i.feed.mu.Lock()
	defer i.feed.mu.Unlock()
	return i.feed.start + uint64(len(i.feed.events))
}

// Revoke kills one token.
func (i *Issuer) Revoke(raw string) {
	i.tb.Helper()
	c := i.claims(raw)
	contract, serial, err := token.ParseID(c.ID)
	if err != nil {
		i.tb.Fatal(err)
	}
	i.feed.add(revocation.Event{Type: revocation.EventSerial, Contract: contract, Serial: serial})
}

// RevokeContract kills all tokens of a contract that were issued so far.
func (i *Issuer) RevokeContract(contract string) {
	i.mu.Lock()
	floor := i.serial
	i.mu.Unlock()
	i.feed.add(revocation.Event{Type: revocation.EventFloor, Contract: contract, Floor: floor})
}

// SuspendCaller kills all tokens of a caller that were issued up to now.
func (i *Issuer) SuspendCaller(caller string) {
	i.feed.add(revocation.Event{Type: revocation.EventCaller, Caller: token.CallerHash(caller), Before: i.Now().Unix() + 1})
}

// RevokeKey says that the current key is compromised, and goes on with a new
// one of the same algorithm.
func (i *Issuer) RevokeKey() {
	i.tb.Helper()
	i.mu.Lock()
	key := i.current
	delete(i.published, key.id)
	i.mu.Unlock()
	i.RotateKey(string(key.algorithm))
	i.feed.add(revocation.Event{Type: revocation.EventKey, KeyID: key.id})
}

func (i *Issuer) claims(raw string) *token.Claims {
	i.tb.Helper()
	i.mu.Lock()
	published := maps.Clone(i.published)
	i.mu.Unlock()
	_, payload, err := token.Open(raw, lookUp(published), token.TypeAccessToken, token.TypeSVID)
	if err != nil {
		i.tb.Fatal(err)
	}
	c, err := token.ParseClaims(payload)
	if err != nil {
		i.tb.Fatal(err)
	}
	return c
}

func (i *Issuer) serveFeed(w http.ResponseWriter, r *http.Request) {
	after, _ := strconv.ParseUint(r.FormValue("after"), 10, 64)
	wait, _ := time.ParseDuration(r.FormValue("wait"))
	if wait > time.Second {
		http.Error(w, fmt.Sprintf("wait: %s is more than 1s", wait), http.StatusBadRequest)
		return
	}
	f := &i.feed
	f.mu.Lock()
	if after == f.start+uint64(len(f.events)) && wait > 0 {
		grown := f.grown
		f.mu.Unlock()
		select {
		case <-grown:
		case <-time.After(wait):
		case <-r.Context().Done():
		case <-f.closed:
		}
		f.mu.Lock()
	}
	message := revocation.Feed{Issuer: i.URL, IssuedAt: i.Now().Unix(), Cursor: f.start + uint64(len(f.events))}
	if after < f.start || after > message.Cursor {
		message.Snapshot, message.Events = true, f.events
	} else {
		message.After, message.Events = after, f.events[after-f.start:]
	}
	jws := i.Sign(token.TypeFeed, message)
	f.mu.Unlock()
	w.Header().Set("Content-Type", "application/ramp-feed+jwt")
	_, _ = w.Write([]byte(jws))
}

func lookUp(keys map[string]jose.JSONWebKey) token.Keys {
	return func(kid string) (jose.JSONWebKey, bool) { key, ok := keys[kid]; return key, ok }
}
