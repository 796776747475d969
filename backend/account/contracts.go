package account

import (
	"maps"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

const (
	maxContracts = 100_000
	maxHeld      = 50_000 // rows of all contracts together
	maxHeldEach  = 128    // rows of one contract
)

// Credential is what the book has to know of one.
type Credential struct {
	ID       string // of the contract
	Contract string // its name
	Caller   string // entity ID
	KeyID    string
	Expiry   time.Time
}

// contracts is what is known of each contract by now, by id. Shards of them are
// stored together.
type contracts struct {
	list  map[string]*record
	held  int // rows
	dirty map[string]bool
	full  bool // there were more contracts than are kept
	// loaded says that what was stored is here. Until then a row may count
	// below zero.
	loaded bool
}

type record struct {
	Name   string           `json:"name"`
	Last   int64            `json:"last,omitempty"` // hour of the last issue or renewal
	Held   []held           `json:"held,omitempty"`
	Scopes map[string]int64 `json:"scopes,omitempty"` // hour of the last report of requests that used it
	Since  int64            `json:"since,omitempty"`  // hour of the first such report
}

// held counts the live credentials of one caller that one key signed and that
// end in one hour.
type held struct {
	Caller string `json:"caller"`
	KeyID  string `json:"kid"`
	Ends   int64  `json:"ends"`
	N      int64  `json:"n"`
}

// shard is the page that a contract is stored on: one of 1,024, so that pages
// stay far below what storage takes at once.
func shard(id string) string {
	if id == "" {
		return "_"
	}
	return id[:min(len(id), 2)]
}

// of returns the record of a contract, marked as changed; nil when there are
// too many.
func (x *contracts) of(id, name string) *record {
	r := x.list[id]
	if r == nil {
		if len(x.list) >= maxContracts {
			x.full = true
			return nil
		}
		r = &record{}
		if x.list == nil {
			x.list = make(map[string]*record)
		}
		x.list[id] = r
	}
	if name != "" {
		r.Name = name
	}
	x.touch(id)
	return r
}

func (x *contracts) touch(id string) {
	if x.dirty == nil {
		x.dirty = make(map[string]bool)
	}
	x.dirty[shard(id)] = true
}

func (x *contracts) issued(now int64, c Credential) {
	if r := x.of(c.ID, c.Contract); r != nil {
		r.Last = max(r.Last, now)
		x.row(r, held{Caller: c.Caller, KeyID: c.KeyID, Ends: hourOf(c.Expiry)}, now).N++
	}
}

func (x *contracts) used(now int64, c Credential) {
	if r := x.list[c.ID]; r != nil && r.Last >= now {
		return // known: no need to store it again
	}
	if r := x.of(c.ID, c.Contract); r != nil {
		r.Last = now
	}
}

// ended takes a credential off that counted as live.
func (x *contracts) ended(c Credential) {
	r := x.list[c.ID]
	if r == nil && x.loaded {
		return
	}
	if r = x.of(c.ID, c.Contract); r == nil {
		return
	}
	want := held{Caller: c.Caller, KeyID: c.KeyID, Ends: hourOf(c.Expiry)}
	at := r.find(want)
	if at == nil || at.N <= 0 && x.loaded {
		at = r.find(held{Caller: Others, KeyID: Others, Ends: want.Ends})
	}
	if at == nil && !x.loaded {
		at = x.row(r, want, 0)
	}
	if at != nil && (at.N > 0 || !x.loaded) {
		at.N--
	}
}

func (r *record) find(want held) *held {
	for i := range r.Held {
		if h := &r.Held[i]; h.Ends == want.Ends && h.Caller == want.Caller && h.KeyID == want.KeyID {
			return h
		}
	}
	return nil
}

// row returns the row for what is wanted, whatever N that has: its own, one
// whose credentials have all ended, a new one, or that of all others.
func (x *contracts) row(r *record, want held, now int64) *held {
	if at := r.find(want); at != nil {
		return at
	}
	want.N = 0
	for i := range r.Held {
		if r.Held[i].Ends < now {
			r.Held[i] = want
			return &r.Held[i]
		}
	}
	if len(r.Held) >= maxHeldEach || x.held >= maxHeld {
		want.Caller, want.KeyID = Others, Others
		if at := r.find(want); at != nil {
			return at
		}
	}
	r.Held = append(r.Held, want)
	x.held++
	return &r.Held[len(r.Held)-1]
}

// died takes off what an event kills, which is not one serial, and calls
// killed for each caller that had some.
func (x *contracts) died(e revocation.Event, now time.Time, killed func(contract, caller string, n uint64)) {
	switch e.Type {
	case revocation.EventFloor:
		r := x.list[e.Contract]
		if r == nil {
			return
		}
		if e.From > now.Unix() {
			x.touch(e.Contract)
			x.end(r, hourOf(time.Unix(e.From, 0)))
			return
		}
		x.kill(e.Contract, r, hourOf(now), killed, func(h *held) bool { return e.Caller == "" || token.CallerHash(h.Caller) == e.Caller })
	case revocation.EventCaller:
		for id, r := range x.list {
			x.kill(id, r, hourOf(now), killed, func(h *held) bool { return token.CallerHash(h.Caller) == e.Caller })
		}
	case revocation.EventKey:
		for id, r := range x.list {
			x.kill(id, r, hourOf(now), killed, func(h *held) bool { return h.KeyID == e.KeyID })
		}
	}
}

func (x *contracts) kill(id string, r *record, now int64, killed func(string, string, uint64), dead func(*held) bool) {
	for i := range r.Held {
		if h := &r.Held[i]; h.N > 0 && h.Ends >= now && dead(h) {
			killed(r.Name, h.Caller, uint64(h.N))
			h.N = 0
			x.touch(id)
		}
	}
}

// end makes everything end by an hour.
func (x *contracts) end(r *record, by int64) {
	old := r.Held
	r.Held, x.held = nil, x.held-len(old)
	for _, h := range old {
		h.Ends = min(h.Ends, by)
		x.row(r, h, 0).N += h.N
	}
}

// scopes notes which scopes accepted requests used, as a service reported.
func (x *contracts) scopes(now int64, id, name string, accepted map[string]uint64) {
	r := x.of(id, name)
	if r == nil {
		return
	}
	if r.Scopes == nil {
		r.Scopes = make(map[string]int64)
	}
	if r.Since == 0 {
		r.Since = now
	}
	for scope, n := range accepted {
		if n > 0 {
			r.Scopes[scope] = max(r.Scopes[scope], now)
		}
	}
}

func (x *contracts) delete(id string) {
	if r := x.list[id]; r != nil {
		x.held -= len(r.Held)
		delete(x.list, id)
		x.touch(id)
	}
}

// merge adds what was stored to what has been counted since.
func (x *contracts) merge(id string, stored *record) {
	r := x.of(id, stored.Name)
	if r == nil {
		return
	}
	r.Last = max(r.Last, stored.Last)
	for _, h := range stored.Held {
		x.row(r, h, 0).N += h.N
	}
	if stored.Since != 0 && (r.Since == 0 || stored.Since < r.Since) {
		r.Since = stored.Since
	}
	if r.Scopes == nil {
		r.Scopes = maps.Clone(stored.Scopes)
		return
	}
	for scope, last := range stored.Scopes {
		r.Scopes[scope] = max(r.Scopes[scope], last)
	}
}

// prune drops rows that count nothing any more.
func (x *contracts) prune(now int64) {
	for id, r := range x.list {
		kept := r.Held[:0]
		for _, h := range r.Held {
			if h.Ends >= now && h.N != 0 {
				kept = append(kept, h)
			}
		}
		if len(kept) < len(r.Held) {
			x.held -= len(r.Held) - len(kept)
			clear(r.Held[len(kept):])
			r.Held = kept
			x.touch(id)
		}
	}
}
