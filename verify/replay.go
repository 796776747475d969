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
	until map[[sha256.Size]byte]time.Time
	byKey map[string]int
	order []usedProof // by the time they were used
}

type usedProof struct {
	id    [sha256.Size]byte
	key   string
	until time.Time
}

// use records a proof, once.
func (p *proofs) use(key, id string, until, now time.Time) error {
	name := sha256.Sum256([]byte(key + "\x00" + id))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(now)
	if _, used := p.until[name]; used {
		return refuseDPoP("the DPoP proof was used before: make a new one for each request")
	}
	if len(p.until) >= proofsRemembered || p.byKey[key] >= proofsPerKey {
		return refuseDPoP("too many DPoP proofs within %s: none can be checked for replay until older ones have expired", dpopWindow)
	}
	if p.until == nil {
		p.until, p.byKey = make(map[[sha256.Size]byte]time.Time), make(map[string]int)
	}
	p.until[name] = until
	p.byKey[key]++
	p.order = append(p.order, usedProof{name, key, until})
	return nil
}

// forget drops proofs that are too old, from the first that was used on: one
// from the future holds up those behind it, for two windows at most.
func (p *proofs) forget(now time.Time) {
	n := 0
	for n < len(p.order) && p.order[n].until.Before(now) {
		u := p.order[n]
		delete(p.until, u.id)
		if p.byKey[u.key]--; p.byKey[u.key] == 0 {
			delete(p.byKey, u.key)
		}
		n++
	}
	p.order = p.order[n:]
}
