package ramp

import "time"

// Generation is a deploy whose credentials are issued.
type Generation struct {
	Name  string    `json:"name"`
	Until time.Time `json:"until,omitzero"` // zero: it is the current one
}

func (g Generation) live(now time.Time) bool { return g.Until.IsZero() || now.Before(g.Until) }

// Generations are the deploys of a contract, the current one last.
type Generations []Generation

// Current is the name of the current generation, "" before the first deploy.
func (gs Generations) Current() string {
	if len(gs) == 0 {
		return ""
	}
	return gs[len(gs)-1].Name
}

// Deploy starts a generation; the others retire when the overlap ends, and
// those retiring already not later than they had to: the floor that ends what
// was issued before a deploy knows no generations. Deploying an earlier generation again
// makes it the current one. Deploying the current one changes nothing.
func (gs Generations) Deploy(name string, overlap Seconds, now time.Time) Generations {
	if gs.Current() == name {
		return gs
	}
	var after Generations
	end := now.Add(overlap.Duration())
	for _, g := range gs {
		if g.Until.IsZero() || end.Before(g.Until) {
			g.Until = end
		}
		if g.Name != name && g.live(now) {
			after = append(after, g)
		}
	}
	return append(after, Generation{Name: name})
}

// find returns the live generation a caller presents; "" presents the current
// one. Before the first deploy any name will do.
func (gs Generations) find(name string, now time.Time) (Generation, bool) {
	if len(gs) == 0 {
		return Generation{Name: name}, true
	}
	if name == "" {
		return gs[len(gs)-1], true
	}
	for _, g := range gs {
		if g.Name == name && g.live(now) {
			return g, true
		}
	}
	return Generation{}, false
}
