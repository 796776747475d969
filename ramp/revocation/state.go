// Package revocation is what the issuer and the verifiers must agree on about
// dead credentials: floors, revoked serials, the feed's wire format and the
// status-list codec.
package revocation

import (
	"fmt"
	"sync"
)

// State knows which credentials are dead. The issuer holds one and so does
// each verifier that follows its feed. It is safe for concurrent use, and its
// methods never block on anything but each other.
type State struct {
	mu        sync.RWMutex
	contracts map[string]*contract
	callers   map[string]mark // by caller hash; issued before
	keys      map[string]mark // by kid
}

type contract struct {
	floor   mark
	planned map[int64]mark // floors to come, by the time from which they hold
	chunks  map[uint64]*chunk
	callers map[string]mark // by caller hash; serial below
}

// mark is a limit that may be forgotten after until (NumericDate).
type mark struct {
	limit uint64
	until int64
}

type chunk struct {
	serials
	until int64
}

// Credential is what is needed to tell whether a credential is dead.
type Credential struct {
	Contract string
	Serial   uint64
	Caller   string // hashed
	IssuedAt int64  // NumericDate
	KeyID    string // "" when not known
}

// Dead reports why the credential is dead at a time (NumericDate), "" when it
// is alive.
func (s *State) Dead(c Credential, now int64) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if _, ok := s.keys[c.KeyID]; ok && c.KeyID != "" {
		return "the key that signed it is compromised"
	}
	if m, ok := s.callers[c.Caller]; ok && c.IssuedAt < int64(m.limit) {
		return "its caller was suspended"
	}
	k := s.contracts[c.Contract]
	if k == nil {
		return ""
	}
	if c.Serial < k.floor.limit {
		return "everything its contract had issued was revoked"
	}
	if c.Serial < k.reached(now) {
		return "it belongs to a generation that has retired"
	}
	if c.Serial < k.callers[c.Caller].limit {
		return "everything its contract had issued to this caller was revoked"
	}
	if ch := k.chunks[c.Serial/ListSize]; ch != nil && ch.has(c.Serial%ListSize) {
		return "it was revoked"
	}
	return ""
}

// Listed reports whether the contract's status list calls the serial dead. It
// knows nothing of callers and keys, so a credential may be dead all the same.
func (s *State) Listed(contract string, serial uint64, now int64) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.contracts[contract]
	if c == nil {
		return false
	}
	ch := c.chunks[serial/ListSize]
	return serial < max(c.floor.limit, c.reached(now)) || ch != nil && ch.has(serial%ListSize)
}

// Add records an event and reports whether it told anything new. Nothing an
// event says can bring a credential back to life.
func (s *State) Add(e Event) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(e)
}

func (s *State) add(e Event) (bool, error) {
	switch e.Type {
	case EventSerial:
		ch := s.contract(e.Contract).chunk(e.Serial / ListSize)
		ch.until = max(ch.until, e.Until)
		return ch.add(e.Serial % ListSize), nil
	case EventFloor:
		c := s.contract(e.Contract)
		if e.From != 0 {
			if c.planned == nil {
				c.planned = make(map[int64]mark)
			}
			return raiseIn(c.planned, e.From, e.Floor, e.Until), nil
		}
		if e.Caller == "" {
			return raise(&c.floor, e.Floor, e.Until), nil
		}
		if c.callers == nil {
			c.callers = make(map[string]mark)
		}
		return raiseIn(c.callers, e.Caller, e.Floor, e.Until), nil
	case EventCaller:
		if s.callers == nil {
			s.callers = make(map[string]mark)
		}
		return raiseIn(s.callers, e.Caller, uint64(max(e.Before, 0)), e.Until), nil
	case EventKey:
		if s.keys == nil {
			s.keys = make(map[string]mark)
		}
		return raiseIn(s.keys, e.KeyID, 1, e.Until), nil
	}
	return false, fmt.Errorf("feed event of unknown type %.40q", e.Type)
}

func (s *State) contract(id string) *contract {
	c := s.contracts[id]
	if c == nil {
		if s.contracts == nil {
			s.contracts = make(map[string]*contract)
		}
		c = &contract{}
		s.contracts[id] = c
	}
	return c
}

func (c *contract) chunk(n uint64) *chunk {
	ch := c.chunks[n]
	if ch == nil {
		if c.chunks == nil {
			c.chunks = make(map[uint64]*chunk, 1)
		}
		ch = &chunk{}
		c.chunks[n] = ch
	}
	return ch
}

func raise(m *mark, limit uint64, until int64) bool {
	m.until = max(m.until, until)
	if limit <= m.limit {
		return false
	}
	m.limit = limit
	return true
}

func raiseIn[K comparable](marks map[K]mark, key K, limit uint64, until int64) bool {
	m := marks[key]
	raised := raise(&m, limit, until)
	marks[key] = m
	return raised
}

// reached is the highest of the planned floors that hold at a time.
func (c *contract) reached(now int64) uint64 {
	var floor uint64
	for from, m := range c.planned {
		if from <= now {
			floor = max(floor, m.limit)
		}
	}
	return floor
}

// Floor is the serial below which everything of the contract is dead.
func (s *State) Floor(contract string, now int64) uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if c := s.contracts[contract]; c != nil {
		return max(c.floor.limit, c.reached(now))
	}
	return 0
}

// Ends is when a planned floor will end a credential (NumericDate), 0 when none will.
func (s *State) Ends(contract string, serial uint64) int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var end int64
	if c := s.contracts[contract]; c != nil {
		for from, m := range c.planned {
			if serial < m.limit && (end == 0 || from < end) {
				end = from
			}
		}
	}
	return end
}

// List is status list n of a contract: its revoked serials and all below its floor.
func (s *State) List(contract string, n uint64, now int64) List {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.contracts[contract]
	if c == nil {
		return NewList()
	}
	l := NewList()
	if ch := c.chunks[n]; ch != nil {
		l = ch.list()
	}
	floor := max(c.floor.limit, c.reached(now))
	if floor/ListSize >= n { // so that n*ListSize is a number, too
		for i := range min(floor-n*ListSize, ListSize) {
			l[i/8] |= 1 << (i % 8)
		}
	}
	return l
}
