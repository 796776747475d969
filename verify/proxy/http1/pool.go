package http1

import (
	"sync"
	"time"
)

// pool keeps idle connections, the last used on top.
type pool struct {
	mu     sync.Mutex
	conns  []*conn
	closed bool
	sweep  *time.Timer // of the oldest; nil without one
}

// get returns a connection that the server has not closed, or nil.
func (p *pool) get() *conn {
	for {
		p.mu.Lock()
		last := len(p.conns) - 1
		if last < 0 {
			p.mu.Unlock()
			return nil
		}
		c := p.conns[last]
		p.conns[last] = nil
		p.conns = p.conns[:last]
		p.mu.Unlock()
		if quiet(c.Conn) {
			return c
		}
		c.Close()
	}
}

func (p *pool) put(c *conn, t *Transport) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.conns) >= t.MaxIdle {
		c.Close()
		return
	}
	c.used, c.since = true, time.Now()
	p.conns = append(p.conns, c)
	if p.sweep == nil {
		p.sweep = time.AfterFunc(t.IdleTimeout, func() { p.expire(t.IdleTimeout) })
	}
}

// expire closes what is too old, and comes again while something is left.
func (p *pool) expire(after time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, old := time.Now(), 0
	for old < len(p.conns) && now.Sub(p.conns[old].since) >= after {
		p.conns[old].Close()
		old++
	}
	p.conns = append(p.conns[:0], p.conns[old:]...)
	clear(p.conns[len(p.conns):cap(p.conns)])
	p.sweep = nil
	if len(p.conns) > 0 {
		p.sweep = time.AfterFunc(after-now.Sub(p.conns[0].since), func() { p.expire(after) })
	}
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}
