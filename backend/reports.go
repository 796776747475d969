package backend

import (
	"slices"
	"time"
)

// maxReports is how many evidence reports a contract remembers, so that one
// that is sent again counts once. Older ones are forgotten after reportMemory.
const (
	maxReports   = 10_000
	reportMemory = 24 * time.Hour
)

// reports remembers which evidence was counted, stored as evidence/<contract id>.
type reports struct {
	Counted []report `json:"counted"` // oldest first
}

type report struct {
	ID string `json:"id"`
	At int64  `json:"at"`
}

func (r *reports) has(id string) bool {
	return slices.ContainsFunc(r.Counted, func(x report) bool { return x.ID == id })
}

// with returns the reports with one more, false when there are too many.
func (r *reports) with(id string, now time.Time) (*reports, bool) {
	kept := &reports{}
	for _, x := range r.Counted {
		if x.At > now.Add(-reportMemory).Unix() {
			kept.Counted = append(kept.Counted, x)
		}
	}
	if len(kept.Counted) >= maxReports {
		return nil, false
	}
	kept.Counted = append(kept.Counted, report{id, now.Unix()})
	return kept, true
}
