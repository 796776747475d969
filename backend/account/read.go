package account

import (
	"cmp"
	"slices"
	"time"
)

// all returns the hours that are kept, oldest first; none of them changes any
// more. The caller holds b.mu.
func (b *Book) all() []*hour {
	hours := slices.Clone(b.past)
	if b.current != nil {
		hours = append(hours, b.current.clone())
	}
	return hours
}

func (b *Book) between(from, to time.Time) []*hour {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(b.all(), func(h *hour) bool {
		return h.n < hourOf(from) || !to.IsZero() && !hourTime(h.n).Before(to)
	})
}

// Since is when counting began, and from when on the hours are kept.
func (b *Book) Since() (begun, hours time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if kept := hourTime(b.span.Hours); kept.After(b.span.Begun) {
		return b.span.Begun, kept
	}
	return b.span.Begun, b.span.Begun
}

// UseRow is what one caller did with one contract in one hour.
type UseRow struct {
	Hour time.Time
	Pair
	Use
}

// Uses returns the uses in the hours from one time to before another (zero:
// all), sorted by hour, contract and caller.
func (b *Book) Uses(from, to time.Time) []UseRow {
	var rows []UseRow
	for _, h := range b.between(from, to) {
		for p, u := range h.uses {
			rows = append(rows, UseRow{hourTime(h.n), p, *u})
		}
	}
	slices.SortFunc(rows, func(a, b UseRow) int {
		return cmp.Or(a.Hour.Compare(b.Hour), cmp.Compare(a.Contract, b.Contract), cmp.Compare(a.Caller, b.Caller))
	})
	return rows
}

// RefusalRow is how often one caller was refused one contract for one reason.
type RefusalRow struct {
	Refusal
	N    uint64
	Last time.Time // the hour of the last one
}

// Refusals returns the refusals in the hours from one time to before another
// (zero: all), sorted by contract, caller and code.
func (b *Book) Refusals(from, to time.Time) []RefusalRow {
	sums := make(map[Refusal]*RefusalRow)
	for _, h := range b.between(from, to) {
		for r, n := range h.refusals {
			row := sums[r]
			if row == nil {
				row = &RefusalRow{Refusal: r}
				sums[r] = row
			}
			row.N += *n
			row.Last = hourTime(h.n)
		}
	}
	rows := make([]RefusalRow, 0, len(sums))
	for _, row := range sums {
		rows = append(rows, *row)
	}
	slices.SortFunc(rows, func(a, b RefusalRow) int {
		return cmp.Or(cmp.Compare(a.Contract, b.Contract), cmp.Compare(a.Caller, b.Caller), cmp.Compare(a.Code, b.Code))
	})
	return rows
}

// Activity is what is known of one contract.
type Activity struct {
	LastUsed    time.Time            // hour of the last issue or renewal, zero for never
	Callers     []string             // that hold live credentials, sorted
	Ends        map[time.Time]uint64 // live credentials by the hour in which they end
	Scopes      map[string]time.Time // hour in which services reported the last request that used it
	ScopesSince time.Time            // hour of the first such report, zero for none
}

// Activity returns what is known of a contract by its id.
func (b *Book) Activity(id string, now time.Time) Activity {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := Activity{Ends: map[time.Time]uint64{}, Scopes: map[string]time.Time{}}
	r := b.contracts.find(id)
	if r == nil {
		return a
	}
	if r.Last != 0 {
		a.LastUsed = hourTime(r.Last)
	}
	if r.Since != 0 {
		a.ScopesSince = hourTime(r.Since)
	}
	for scope, last := range r.Scopes {
		a.Scopes[scope] = hourTime(last)
	}
	for _, h := range r.Held {
		if h.N > 0 && h.Ends >= hourOf(now) {
			a.Ends[hourTime(h.Ends)] += uint64(h.N)
			a.Callers = append(a.Callers, h.Caller)
		}
	}
	slices.Sort(a.Callers)
	a.Callers = slices.Compact(a.Callers)
	return a
}

// Live counts the credentials that are neither dead nor expired.
func (b *Book) Live(now time.Time) (n uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.contracts.all {
		for _, h := range r.Held {
			if h.N > 0 && h.Ends >= hourOf(now) {
				n += uint64(h.N)
			}
		}
	}
	return n
}

// Full reports whether there were more contracts than are kept apart.
func (b *Book) Full() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.contracts.full
}
