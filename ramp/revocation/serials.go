package revocation

import "maps"

// serials is a sparse set of the numbers 0 … ListSize-1. Revoked serials tend
// to be few or close together, so it holds pages of 512 bits.
type serials struct {
	pages map[uint8]*[64]byte
	count int
}

func (s *serials) add(i uint64) (added bool) {
	page, at := uint8(i/512), i%512
	p := s.pages[page]
	if p == nil {
		if s.pages == nil {
			s.pages = make(map[uint8]*[64]byte, 1)
		}
		p = new([64]byte)
		s.pages[page] = p
	}
	if p[at/8]&(1<<(at%8)) != 0 {
		return false
	}
	p[at/8] |= 1 << (at % 8)
	s.count++
	return true
}

func (s *serials) has(i uint64) bool {
	p := s.pages[uint8(i/512)]
	return p != nil && p[i%512/8]&(1<<(i%8)) != 0
}

func (s *serials) list() List {
	l := NewList()
	for page, p := range maps.All(s.pages) {
		copy(l[int(page)*64:], p[:])
	}
	return l
}

func serialsOf(l List) serials {
	var s serials
	for i := range uint64(len(l)) * 8 {
		if l.Has(i) {
			s.add(i)
		}
	}
	return s
}
