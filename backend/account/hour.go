package account

// Pair is who used what.
type Pair struct {
	Contract string `json:"contract"`
	Caller   string `json:"caller"` // entity ID
}

// Use is how often.
type Use struct {
	Issued   uint64 `json:"issued,omitempty"`
	Renewed  uint64 `json:"renewed,omitempty"`
	Revoked  uint64 `json:"revoked,omitempty"` // while alive, alone or with others
	Expired  uint64 `json:"expired,omitempty"`
	Accepted uint64 `json:"accepted,omitempty"` // requests, as the service side reported them
	Refused  uint64 `json:"refused,omitempty"`
}

func (u *Use) add(v Use) {
	u.Issued += v.Issued
	u.Renewed += v.Renewed
	u.Revoked += v.Revoked
	u.Expired += v.Expired
	u.Accepted += v.Accepted
	u.Refused += v.Refused
}

// Refusal is who was refused what, and why.
type Refusal struct {
	Contract string `json:"contract"`
	Caller   string `json:"caller"` // entity ID, "" for a token without an entity
	Code     string `json:"code"`
}

// hour is the account of one hour.
type hour struct {
	n        int64
	uses     map[Pair]*Use
	refusals map[Refusal]*uint64
}

func newHour(n int64) *hour {
	return &hour{n, make(map[Pair]*Use), make(map[Refusal]*uint64)}
}

// use is the count of a pair. When there are too many pairs it is that of the
// contract's other callers, and when these are too many that of all others.
func (h *hour) use(contract, caller string) *Use {
	return counted(h.uses, maxPairs, Pair{contract, caller}, Pair{contract, Others}, Pair{Others, Others})
}

func (h *hour) refuse(r Refusal) {
	*h.refused(r)++
}

// refused works as use does. Callers that are refused are outsiders, so that
// they do not take the place of those that use what they have.
func (h *hour) refused(r Refusal) *uint64 {
	return counted(h.refusals, maxRefusals, r, Refusal{r.Contract, Others, r.Code}, Refusal{Others, Others, r.Code})
}

// counted returns the count of the first key that may have one: a new one while
// fewer than limit are there, its stand-in below twice that, the last always.
func counted[K comparable, V any](counts map[K]*V, limit int, key, standIn, last K) *V {
	for _, k := range []struct {
		key   K
		limit int
	}{{key, limit}, {standIn, 2 * limit}, {last, len(counts) + 1}} {
		if v := counts[k.key]; v != nil {
			return v
		}
		if len(counts) < k.limit {
			v := new(V)
			counts[k.key] = v
			return v
		}
	}
	panic("account: the last key always counts")
}

// merge adds what another account of the same hour has.
func (h *hour) merge(o *hour) {
	for p, u := range o.uses {
		h.use(p.Contract, p.Caller).add(*u)
	}
	for r, n := range o.refusals {
		*h.refused(r) += *n
	}
}

func (h *hour) clone() *hour {
	c := newHour(h.n)
	for p, u := range h.uses {
		v := *u
		c.uses[p] = &v
	}
	for r, n := range h.refusals {
		v := *n
		c.refusals[r] = &v
	}
	return c
}
