package account

import (
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

// held counts the live credentials of one caller that one key signed and that
// end in one hour.
type held struct {
	Caller string `json:"caller"`
	KeyID  string `json:"kid"`
	Ends   int64  `json:"ends"`
	N      int64  `json:"n"`
}

// ended takes a credential off that counted as live.
func (x *contracts) ended(c Credential) {
	r := x.find(c.ID)
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
		r := x.find(e.Contract)
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
		for id, r := range x.all {
			x.kill(id, r, hourOf(now), killed, func(h *held) bool { return token.CallerHash(h.Caller) == e.Caller })
		}
	case revocation.EventKey:
		for id, r := range x.all {
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

func (x *contracts) prune(shard string, r *record, now int64) {
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
		x.mark(shard)
	}
}
