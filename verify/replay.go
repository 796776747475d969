package verify

import (
	"crypto/sha256"
	"sync"
	"time"
)

const (
	proofsRemembered = 400_000 // DPoP proofs within their time
	proofsPerKey     = 100_000 // of one key, so that one caller does not lock out the others
)

// proofs remembers DPoP proofs until they are too old to be used again. When
// it is full, it refuses.
type proofs struct {
	mu    sync.Mutex
	used  map[[sha256.Size]byte]struct{}
	byKey map[string]int
	order []usedProof // by the time they were used
}

type usedProof struct {
	id    [sha256.Size]byte
	key   string
	until time.Time
}

// use records a proof, once, that is good for a time yet. The clock that reads
// now may be wrong, but should have monotonic readings: when it is stepped
// forward and back, nothing is forgotten too early.
func (p *proofs) use(key, id string, good time.Duration, now time.Time) error {
	name := sha256.Sum256([]byte(key + "\x00" + id))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(now)
	if _, used := p.used[name]; used {
		return refuseDPoP("the DPoP proof was used before: make a new one for each request")
	}
	if len(p.used) >= proofsRemembered || p.byKey[key] >= proofsPerKey {
		return refuseDPoP("too many DPoP proofs within %s: none can be checked for replay until older ones have expired", dpopWindow)
	}
	if p.used == nil {
		p.used, p.byKey = make(map[[sha256.Size]byte]struct{}), make(map[string]int)
	}
	p.used[name] = struct{}{}
	p.byKey[key]++
	p.order = append(p.order, usedProof{name, key, now.Add(good)})
	return nil
}

// forget drops proofs that are too old, from the first that was used on: one
// from the future holds up those behind it, for two windows at most.
func (p *proofs) forget(now time.Time) {
	n := 0
	for n < len(p.order) && p.order[n].until.Before(now) {
		u := p.order[n]
		delete(p.used, u.id)
		if p.byKey[u.key]--; p.byKey[u.key] == 0 {
			delete(p.byKey, u.key)
		}
		n++
	}
	p.order = p.order[n:]
}
