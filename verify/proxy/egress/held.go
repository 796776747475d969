package egress

import (
	"sync"
	"time"
)

// held is a credential that requests use, with the key it is bound to.
type held struct {
	*Credential
	binding *binding
	retired bool // only the keeper looks

	mu      sync.Mutex
	users   int           // requests that bear it
	last    bool          // no more of them: the credential is replaced
	unused  chan struct{} // closed when last, and no user is left
	ends    time.Time
	refused chan struct{} // closed when an upstream said that the credential is dead
	isDead  bool          // refused is closed
}

func hold(c *Credential, b *binding, asked time.Time) *held {
	return &held{Credential: c, binding: b, ends: asked.Add(c.TTL), unused: make(chan struct{}), refused: make(chan struct{})}
}

// ended reports whether the lease is over.
func (h *held) ended() bool { return time.Until(h.end()) <= 0 }

func (h *held) end() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ends
}

func (h *held) extend(to time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ends = to
}

// refuse notes that an upstream refused the credential, unless may says that
// it has been said too often. It reports whether it is noted.
func (h *held) refuse(may func() bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.isDead && may() {
		h.isDead = true
		close(h.refused)
	}
	return h.isDead
}

func (h *held) dead() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.isDead
}

// use counts a request that bears the credential until done. It reports false
// when the credential must not be used.
func (h *held) use() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last && h.users == 0 || time.Until(h.ends) <= 0 {
		return false
	}
	h.users++
	return true
}

func (h *held) done() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.users--
	h.settle()
}

// retire lets the users of a replaced credential end.
func (h *held) retire() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = true
	h.settle()
}

func (h *held) settle() {
	if h.last && h.users == 0 {
		close(h.unused)
	}
}
