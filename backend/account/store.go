package account

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A book is stored as pages: hours/<hour>, contracts/<shard> and span. What
// was counted after they were stored last is lost in a crash.
const (
	hoursPages     = "hours/"
	contractsPages = "contracts/"
	spanPage       = "span"
)

type storedHour struct {
	Uses     []storedUse     `json:"uses,omitempty"`
	Refusals []storedRefusal `json:"refusals,omitempty"`
}

type storedUse struct {
	Pair
	Use
}

type storedRefusal struct {
	Refusal
	N uint64 `json:"n"`
}

// Load adds what was stored to what has been counted since. Before that,
// nothing is to be stored. A page that cannot be read is passed over.
func (b *Book) Load(pages map[string][]byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.contracts.loaded {
		return
	}
	b.contracts.loaded = true
	for name, text := range pages {
		switch {
		case name == spanPage:
			var stored span
			if json.Unmarshal(text, &stored) == nil && stored.Begun.Before(b.span.Begun) {
				b.span = stored
			}
		case strings.HasPrefix(name, hoursPages):
			if h := readHour(name, text); h != nil {
				b.insert(h)
			}
		case strings.HasPrefix(name, contractsPages):
			var stored map[string]*record
			if json.Unmarshal(text, &stored) == nil {
				for id, r := range stored {
					b.contracts.merge(id, r)
				}
			}
		}
	}
	if b.current != nil {
		b.drop()
	}
}

func readHour(name string, text []byte) *hour {
	n, err := strconv.ParseInt(strings.TrimPrefix(name, hoursPages), 10, 64)
	var stored storedHour
	if err != nil || json.Unmarshal(text, &stored) != nil {
		return nil
	}
	h := newHour(n)
	for _, u := range stored.Uses {
		h.use(u.Contract, u.Caller).add(u.Use)
	}
	for _, r := range stored.Refusals {
		*h.refused(r.Refusal) += r.N
	}
	return h
}

// insert adds a stored hour. The caller holds b.mu.
func (b *Book) insert(h *hour) {
	if b.current != nil && b.current.n == h.n {
		b.current.merge(h)
		return
	}
	i, found := slices.BinarySearchFunc(b.past, h.n, func(o *hour, n int64) int { return int(o.n - n) })
	if found {
		merged := b.past[i].clone()
		merged.merge(h)
		b.past[i] = merged
		return
	}
	b.past = slices.Insert(slices.Clone(b.past), i, h)
}

// Changes returns the pages that changed since the last time, as JSON; nil for
// one to delete. Those that could not be stored go to [Book.Unstored]. Counting
// goes on meanwhile: it is held up for a page at most.
func (b *Book) Changes(now time.Time) map[string][]byte {
	pages := make(map[string][]byte)
	hours, gone, shards, since := b.begin()
	for _, n := range gone {
		pages[hoursPages+strconv.FormatInt(n, 10)] = nil
	}
	for _, h := range hours {
		pages[hoursPages+strconv.FormatInt(h.n, 10)] = encode(h.stored())
	}
	for _, name := range shards {
		b.mu.Lock()
		page, changed := b.contracts.changed(name, hourOf(now))
		b.mu.Unlock()
		switch {
		case len(page) > 0:
			pages[contractsPages+name] = encode(page)
		case changed:
			pages[contractsPages+name] = nil
		}
	}
	if len(pages) > len(gone) {
		pages[spanPage] = encode(since)
	}
	return pages
}

// begin returns the hours that changed or are gone, and the shards that may
// have changed.
func (b *Book) begin() (hours []*hour, gone []int64, shards []string, since span) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range b.all() {
		if b.dirty[h.n] {
			hours = append(hours, h)
		}
	}
	names := maps.Clone(b.contracts.dirty) // of shards that are empty by now, too
	if names == nil {
		names = make(map[string]bool)
	}
	for name := range b.contracts.shards {
		names[name] = true
	}
	gone = b.gone
	b.gone, b.dirty = nil, nil
	return hours, gone, slices.Collect(maps.Keys(names)), b.span
}

// Unstored marks a page as one that has to be stored yet.
func (b *Book) Unstored(page string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if name, ok := strings.CutPrefix(page, contractsPages); ok {
		b.contracts.mark(name)
	}
	if name, ok := strings.CutPrefix(page, hoursPages); ok {
		n, _ := strconv.ParseInt(name, 10, 64) // we made it
		b.touch(n)
	}
}

func (h *hour) stored() storedHour {
	var s storedHour
	for p, u := range h.uses {
		s.Uses = append(s.Uses, storedUse{p, *u})
	}
	for r, n := range h.refusals {
		s.Refusals = append(s.Refusals, storedRefusal{r, *n})
	}
	return s
}

func (r *record) clone() *record {
	c := *r
	c.Held, c.Scopes = slices.Clone(r.Held), maps.Clone(r.Scopes)
	return &c
}

func encode(v any) []byte {
	text, _ := json.Marshal(v) // strings and numbers always marshal
	return text
}
