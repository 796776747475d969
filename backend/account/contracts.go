package account

import (
	"maps"
	"time"
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

// contracts is what is known of each contract by now, by shard and id. A shard
// is stored together.
type contracts struct {
	shards map[string]map[string]*record
	n      int // contracts
	held   int // rows
	dirty  map[string]bool
	full   bool // there were more contracts than are kept
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

// shard is the page that a contract is stored on: one of 1,024, so that pages
// stay far below what storage takes at once.
func shard(id string) string {
	if id == "" {
		return "_"
	}
	return id[:min(len(id), 2)]
}

// find returns the record of a contract, or nil.
func (x *contracts) find(id string) *record { return x.shards[shard(id)][id] }

// all is each record, with the contract's id.
func (x *contracts) all(yield func(string, *record) bool) {
	for _, s := range x.shards {
		for id, r := range s {
			if !yield(id, r) {
				return
			}
		}
	}
}

// of returns the record of a contract, marked as changed; nil when there are
// too many.
func (x *contracts) of(id, name string) *record {
	r := x.find(id)
	if r == nil {
		if x.n >= maxContracts {
			x.full = true
			return nil
		}
		r = &record{}
		if x.shards == nil {
			x.shards = make(map[string]map[string]*record)
		}
		if x.shards[shard(id)] == nil {
			x.shards[shard(id)] = make(map[string]*record)
		}
		x.shards[shard(id)][id] = r
		x.n++
	}
	if name != "" {
		r.Name = name
	}
	x.touch(id)
	return r
}

func (x *contracts) touch(id string) { x.mark(shard(id)) }

func (x *contracts) mark(shard string) {
	if x.dirty == nil {
		x.dirty = make(map[string]bool)
	}
	x.dirty[shard] = true
}

func (x *contracts) issued(now int64, c Credential) {
	if r := x.of(c.ID, c.Contract); r != nil {
		r.Last = max(r.Last, now)
		x.row(r, held{Caller: c.Caller, KeyID: c.KeyID, Ends: hourOf(c.Expiry)}, now).N++
	}
}

func (x *contracts) used(now int64, c Credential) {
	if r := x.find(c.ID); r != nil && r.Last >= now {
		return // known: no need to store it again
	}
	if r := x.of(c.ID, c.Contract); r != nil {
		r.Last = now
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
	r, name := x.find(id), shard(id)
	if r == nil {
		return
	}
	x.held -= len(r.Held)
	x.n--
	if delete(x.shards[name], id); len(x.shards[name]) == 0 {
		delete(x.shards, name)
	}
	x.touch(id)
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

// changed returns a copy of a shard, without rows that count nothing any more,
// and whether it changed since the last time.
func (x *contracts) changed(name string, now int64) (copied map[string]*record, changed bool) {
	for _, r := range x.shards[name] {
		x.prune(name, r, now)
	}
	if !x.dirty[name] {
		return nil, false
	}
	delete(x.dirty, name)
	copied = make(map[string]*record, len(x.shards[name]))
	for id, r := range x.shards[name] {
		copied[id] = r.clone()
	}
	return copied, true
}
