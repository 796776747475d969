package journal

import (
	"maps"
	"math"
	"slices"
)

// lost is the positions whose entries are not in the ledger, of epochs that
// have ended and of those that found the queue full. A crash leaves one range;
// each entry that is recovered takes its number out.
type lost map[uint64][]span // by epoch, each sorted and apart

// span is numbers from From to To, both included.
type span struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

const (
	endless = math.MaxInt64
	// maxEpochs is how many epochs that lost something are remembered. Each is a
	// crash; what a lease of an older one carries counts as logged.
	maxEpochs = 256
)

func (l lost) has(p Position) bool {
	return slices.ContainsFunc(l[p.Epoch], func(s span) bool { return s.From <= p.Number && p.Number <= s.To })
}

// with returns the positions and those from a number to another of an epoch.
func (l lost) with(epoch, from, to uint64) lost {
	grown := maps.Clone(l)
	if grown == nil {
		grown = lost{}
	}
	spans := slices.Clone(grown[epoch])
	if n := len(spans); n > 0 && spans[n-1].To+1 == from {
		spans[n-1].To = to
	} else {
		spans = append(spans, span{from, to})
	}
	grown[epoch] = spans
	for len(grown) > maxEpochs {
		delete(grown, slices.Min(slices.Collect(maps.Keys(grown))))
	}
	return grown
}

// without returns the positions but one.
func (l lost) without(p Position) lost {
	var left []span
	for _, s := range l[p.Epoch] {
		if p.Number < s.From || p.Number > s.To {
			left = append(left, s)
			continue
		}
		if s.From < p.Number {
			left = append(left, span{s.From, p.Number - 1})
		}
		if p.Number < s.To {
			left = append(left, span{p.Number + 1, s.To})
		}
	}
	shrunk := maps.Clone(l)
	if shrunk[p.Epoch] = left; len(left) == 0 {
		delete(shrunk, p.Epoch)
	}
	return shrunk
}
