package revocation

import (
	"iter"
	"maps"
	"math/bits"
)

// serials is a sparse set of the numbers 0 … ListSize-1. Revoked serials tend
// to be few or close together, so it holds pages of 512 bits.
type serials struct {
	pages map[uint8]*[64]byte
	count int
}

func (s *serials) add(i uint64) (added bool) {
	p, at := s.page(uint8(i/512)), i%512
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

// join adds those of a list.
func (s *serials) join(l List) {
	for start := 0; start < len(l); start += 64 {
		theirs := l[start:min(start+64, len(l))]
		var ours *[64]byte
		for i, b := range theirs {
			if b == 0 {
				continue
			}
			if ours == nil {
				ours = s.page(uint8(start / 64))
			}
			s.count += bits.OnesCount8(b &^ ours[i])
			ours[i] |= b
		}
	}
}

func (s *serials) page(n uint8) *[64]byte {
	p := s.pages[n]
	if p == nil {
		if s.pages == nil {
			s.pages = make(map[uint8]*[64]byte, 1)
		}
		p = new([64]byte)
		s.pages[n] = p
	}
	return p
}

// all are the numbers in the set, in no order.
func (s *serials) all() iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for n, p := range s.pages {
			for i, b := range p {
				for ; b != 0; b &= b - 1 {
					if !yield(uint64(n)*512 + uint64(i)*8 + uint64(bits.TrailingZeros8(b))) {
						return
					}
				}
			}
		}
	}
}
