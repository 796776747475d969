package verify

import "sync"

const (
	cacheTokens = 10_000   // tokens remembered at most, in each half
	cacheBytes  = 16 << 20 // bytes of tokens remembered at most, in each half
)

// cache remembers tokens whose signature is good, so only issued tokens get in. It
// has two halves: when the young one is full it becomes the old one, and what
// is not used again is forgotten with it.
type cache struct {
	mu         sync.RWMutex
	young, old map[string]*opened
	bytes      int // of young
}

func (c *cache) get(raw string) *opened {
	c.mu.RLock()
	o, ok := c.young[raw]
	if !ok {
		o = c.old[raw]
	}
	c.mu.RUnlock()
	if o != nil && !ok {
		c.put(raw, o)
	}
	return o
}

func (c *cache) put(raw string, o *opened) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.young == nil || len(c.young) >= cacheTokens || c.bytes+len(raw) > cacheBytes {
		c.old, c.young, c.bytes = c.young, make(map[string]*opened), 0
	}
	before := len(c.young)
	if c.young[raw] = o; len(c.young) > before {
		c.bytes += len(raw)
	}
}

func (c *cache) drop(raw string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.young[raw]; ok {
		delete(c.young, raw)
		c.bytes -= len(raw)
	}
	delete(c.old, raw)
}

func (c *cache) size() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.young) + len(c.old)
}
