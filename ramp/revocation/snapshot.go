package revocation

import (
	"fmt"
	"iter"
)

// Chunk returns the revoked serials of a contract in list n as they are
// stored and sent, false when there are none.
func (s *State) Chunk(contract string, n uint64) (Chunk, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if c := s.contracts[contract]; c != nil {
		if ch := c.chunks[n]; ch != nil {
			return Chunk{Contract: contract, N: n, List: ch.list().Encode(), Until: ch.until}, true
		}
	}
	return Chunk{}, false
}

// ChunkWith returns the revoked serials of a contract in list n as they would
// be after some serial events, all of that list.
func (s *State) ChunkWith(contract string, n uint64, events iter.Seq[Event]) Chunk {
	list, until := NewList(), int64(0)
	s.mu.RLock()
	if c := s.contracts[contract]; c != nil && c.chunks[n] != nil {
		list, until = c.chunks[n].list(), c.chunks[n].until
	}
	s.mu.RUnlock()
	for e := range events {
		list[e.Serial%ListSize/8] |= 1 << (e.Serial % 8)
		until = max(until, e.Until)
	}
	return Chunk{Contract: contract, N: n, List: list.Encode(), Until: until}
}

// AddChunk adds revoked serials to the state.
func (s *State) AddChunk(c Chunk) error {
	list, err := DecodeList(c.List)
	if err != nil {
		return fmt.Errorf("revoked serials of contract %s: %w", c.Contract, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := s.contract(c.Contract).chunk(c.N)
	ch.until = max(ch.until, c.Until)
	ch.join(list)
	return nil
}

// fewSerials is how many revoked serials of a list are told one by one: to
// compress a list takes longer.
const fewSerials = 64

// Snapshot returns everything that is dead, in the form of a feed message
// without issuer, time and cursor.
func (s *State) Snapshot() Feed {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f := Feed{Snapshot: true}
	for kid, m := range s.keys {
		f.Events = append(f.Events, Event{Type: EventKey, KeyID: kid, Until: m.until})
	}
	for caller, m := range s.callers {
		f.Events = append(f.Events, Event{Type: EventCaller, Caller: caller, Before: int64(m.limit), Until: m.until})
	}
	for id, c := range s.contracts {
		if c.floor.limit > 0 {
			f.Events = append(f.Events, Event{Type: EventFloor, Contract: id, Floor: c.floor.limit, Until: c.floor.until})
		}
		for from, m := range c.planned {
			f.Events = append(f.Events, Event{Type: EventFloor, Contract: id, Floor: m.limit, From: from, Until: m.until})
		}
		for caller, m := range c.callers {
			f.Events = append(f.Events, Event{Type: EventFloor, Contract: id, Caller: caller, Floor: m.limit, Until: m.until})
		}
		for n, ch := range c.chunks {
			if ch.count > fewSerials {
				f.Lists = append(f.Lists, Chunk{Contract: id, N: n, List: ch.list().Encode(), Until: ch.until})
				continue
			}
			for i := range ch.all() {
				f.Events = append(f.Events, Event{Type: EventSerial, Contract: id, Serial: n*ListSize + i, Until: ch.until})
			}
		}
	}
	return f
}

// Apply takes over what a feed message says.
func (s *State) Apply(f *Feed) error {
	for _, c := range f.Lists {
		if err := s.AddChunk(c); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range f.Events {
		if _, err := s.add(e); err != nil {
			return err
		}
	}
	return nil
}

// Forgotten names what [State.Forget] dropped, so that the issuer can drop it
// from storage too.
type Forgotten struct {
	Chunks  []Chunk // Contract and N only
	Callers []Event // Contract (if any) and Caller only
	Keys    []string
	Floors  []Event // Contract and From only
}

// Forget drops what killed nothing but credentials that have expired by now
// (NumericDate): their exp refuses them.
func (s *State) Forget(now int64) Forgotten {
	s.mu.Lock()
	defer s.mu.Unlock()
	var gone Forgotten
	for kid, m := range s.keys {
		if m.until < now {
			delete(s.keys, kid)
			gone.Keys = append(gone.Keys, kid)
		}
	}
	for caller, m := range s.callers {
		if m.until < now {
			delete(s.callers, caller)
			gone.Callers = append(gone.Callers, Event{Caller: caller})
		}
	}
	for id, c := range s.contracts {
		for n, ch := range c.chunks {
			if ch.until < now {
				delete(c.chunks, n)
				gone.Chunks = append(gone.Chunks, Chunk{Contract: id, N: n})
			}
		}
		for caller, m := range c.callers {
			if m.until < now {
				delete(c.callers, caller)
				gone.Callers = append(gone.Callers, Event{Contract: id, Caller: caller})
			}
		}
		if c.floor.limit > 0 && c.floor.until < now {
			c.floor = mark{}
			gone.Floors = append(gone.Floors, Event{Contract: id})
		}
		for from, m := range c.planned {
			if m.until < now {
				delete(c.planned, from)
				gone.Floors = append(gone.Floors, Event{Contract: id, From: from})
			}
		}
		if c.floor.limit == 0 && len(c.planned) == 0 && len(c.chunks) == 0 && len(c.callers) == 0 {
			delete(s.contracts, id)
		}
	}
	return gone
}
