package backend

import (
	"slices"
	"time"
)

// maxReports is how many evidence reports a contract remembers, so that one
// that is sent again counts once: together less than an entry of raft storage
// may have. They are remembered for reportMemory; of more, the oldest are
// forgotten, but none within reportAgain, in which a service sends one again.
const (
	maxReports   = 5_000
	reportMemory = 24 * time.Hour
	reportAgain  = time.Hour
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
	kept := slices.DeleteFunc(slices.Clone(r.Counted), func(x report) bool { return x.At <= now.Add(-reportMemory).Unix() })
	if n := len(kept); n >= maxReports {
		if kept[n-maxReports].At > now.Add(-reportAgain).Unix() {
			return nil, false
		}
		kept = kept[n-maxReports+1:]
	}
	return &reports{append(kept, report{id, now.Unix()})}, true
}
