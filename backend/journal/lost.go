package journal

import (
	"maps"
	"math"
	"slices"
	"time"
)

// lost is the positions whose entries are not in the ledger, by epoch: of epochs
// that have ended, and of those that found the queue full. A crash leaves one
// gap; each entry that is recovered takes its number out. It is never changed
// in place.
type lost map[uint64]gap

// gap is what an epoch lost.
type gap struct {
	Until int64  `json:"until"` // NumericDate after which no lease asks for it
	Spans []span `json:"spans"` // sorted
}

// span is numbers from From to To, both included.
type span struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

const endless = math.MaxInt64

func (l lost) has(p Position) bool {
	return slices.ContainsFunc(l[p.Epoch].Spans, func(s span) bool { return s.From <= p.Number && p.Number <= s.To })
}

// with returns the positions and those from a number to another of an epoch.
func (l lost) with(epoch, from, to uint64, until time.Time) lost {
	grown := maps.Clone(l)
	if grown == nil {
		grown = lost{}
	}
	spans := slices.Clone(l[epoch].Spans)
	if n := len(spans); n > 0 && spans[n-1].To+1 == from {
		spans[n-1].To = to
	} else {
		spans = append(spans, span{from, to})
	}
	grown[epoch] = gap{until.Unix(), spans}
	return grown
}

// without returns the positions but one.
func (l lost) without(p Position) lost {
	was, ok := l[p.Epoch]
	if !ok {
		return l
	}
	left := gap{Until: was.Until}
	for _, s := range was.Spans {
		if p.Number < s.From || p.Number > s.To {
			left.Spans = append(left.Spans, s)
			continue
		}
		if s.From < p.Number {
			left.Spans = append(left.Spans, span{s.From, p.Number - 1})
		}
		if p.Number < s.To {
			left.Spans = append(left.Spans, span{p.Number + 1, s.To})
		}
	}
	shrunk := maps.Clone(l)
	if shrunk[p.Epoch] = left; len(left.Spans) == 0 {
		delete(shrunk, p.Epoch)
	}
	return shrunk
}

// at returns the positions that a lease may still ask for at a time.
func (l lost) at(now time.Time) lost {
	left := maps.Clone(l)
	maps.DeleteFunc(left, func(_ uint64, g gap) bool { return g.Until < now.Unix() })
	return left
}

// keptUntil returns the positions, none of them forgotten before a time.
func (l lost) keptUntil(t time.Time) lost {
	kept := maps.Clone(l)
	for epoch, g := range kept {
		kept[epoch] = gap{max(g.Until, t.Unix()), g.Spans}
	}
	return kept
}
