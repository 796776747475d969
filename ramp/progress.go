package ramp

import "time"

// Progress is where a caller stands on the ramp of a contract. The zero value
// is a caller never seen. It changes through the methods of Contract alone.
type Progress struct {
	Stage    string    `json:"stage,omitempty"`
	Since    time.Time `json:"since,omitzero"` // when the caller came to the stage
	Issued   uint64    `json:"issued,omitempty"`
	Accepted uint64    `json:"accepted,omitempty"`
	LastUsed time.Time `json:"last_used,omitzero"`
	Faults   []Fault   `json:"faults,omitempty"`
}

// Fault is what went wrong in one second.
type Fault struct {
	At       time.Time `json:"at"`
	Denials  uint64    `json:"denials,omitempty"`
	Refusals uint64    `json:"refusals,omitempty"`
}

// maxFaults bounds what is remembered; older faults are added up.
const maxFaults = 64

// stageOf is the index of the caller's stage: the first for a caller never
// seen, and when the contract has no stage of that name any more.
func (c *Contract) stageOf(p Progress) int {
	for i := range c.stages {
		if c.stages[i].Name == p.Stage {
			return i
		}
	}
	return 0
}

// settle is the progress at a time: an idle caller falls to the first stage,
// and one that has shown what its stage asks for reaches the next. It moves up
// by one stage at most; what is asked there starts from zero.
func (c *Contract) settle(p Progress, now time.Time) Progress {
	if len(c.stages) == 0 {
		return Progress{LastUsed: p.LastUsed}
	}
	i := c.stageOf(p)
	s := c.stages[i]
	switch {
	case p.Since.IsZero() || p.Stage != s.Name:
		return c.enter(p, 0, now)
	case s.Idle > 0 && now.Sub(p.LastUsed) > s.Idle.Duration():
		return c.enter(p, 0, now)
	case s.Advance != nil && !s.Advance.Approval && s.Advance.shown(p, now):
		next := c.enter(p, i+1, now)
		next.LastUsed = p.LastUsed
		return next
	}
	return p
}

func (a *Advance) shown(p Progress, now time.Time) bool {
	return now.Sub(p.Since) >= a.After.Duration() && p.Issued >= a.Issued && p.Accepted >= a.Accepted
}

// enter starts a stay at a stage with nothing shown yet. Stays are told apart
// by when they begin, so one that follows another never begins with it.
func (c *Contract) enter(p Progress, i int, now time.Time) Progress {
	if now.Equal(p.Since) {
		now = now.Add(time.Nanosecond)
	}
	return Progress{Stage: c.stages[i].Name, Since: now, LastUsed: now}
}

// Report adds what the service says of the caller's requests, and returns the
// progress after it. Too many refusals lead back one stage.
func (c *Contract) Report(p Progress, accepted, refused uint64, now time.Time) Progress {
	if p = c.settle(p, now); len(c.stages) == 0 {
		return p
	}
	p.Accepted += accepted
	return c.settle(c.fault(p, Fault{At: now, Refusals: refused}), now)
}

// fault adds a fault, and leads back one stage when it is one too many. At the
// first stage there is nothing to fall back to, but evidence starts anew.
func (c *Contract) fault(p Progress, f Fault) Progress {
	i := c.stageOf(p)
	limit := c.stages[i].Retreat
	if limit == nil || f.Denials+f.Refusals == 0 {
		return p
	}
	faults := append([]Fault(nil), p.Faults...)
	for len(faults) > 0 && f.At.Sub(faults[0].At) > limit.Within.Duration() {
		faults = faults[1:]
	}
	if n := len(faults); n > 0 && (n >= maxFaults || f.At.Sub(faults[n-1].At) < time.Second) {
		faults[n-1].Denials += f.Denials
		faults[n-1].Refusals += f.Refusals
	} else {
		faults = append(faults, f)
	}
	var denials, refusals uint64
	for _, x := range faults {
		denials += x.Denials
		refusals += x.Refusals
	}
	if limit.Denials > 0 && denials >= limit.Denials || limit.Refusals > 0 && refusals >= limit.Refusals {
		return c.enter(p, max(i-1, 0), f.At)
	}
	p.Faults = faults
	return p
}

// Moved is the progress after the caller was moved by hand: to the stage of
// that name, or by so many steps when it is "". It returns false when there is
// no such stage.
func (c *Contract) Moved(p Progress, to string, steps int, now time.Time) (Progress, bool) {
	target := c.stageOf(c.settle(p, now)) + steps
	if to != "" {
		target = c.stageOf(Progress{Stage: to})
		if len(c.stages) == 0 || c.stages[target].Name != to {
			return p, false
		}
	}
	if target < 0 || target >= len(c.stages) {
		return p, false
	}
	return c.enter(p, target, now), true
}

// Fell reports whether going from one progress to the other takes rights
// away or starts evidence anew, so that what the caller holds has to die.
func (c *Contract) Fell(from, to Progress) bool {
	if len(c.stages) == 0 || from.Stage == "" || from.Since.Equal(to.Since) && from.Stage == to.Stage {
		return false
	}
	return c.stageOf(to) <= c.stageOf(from)
}

// Settled is the progress as the next decision at that time will see it.
func (c *Contract) Settled(p Progress, now time.Time) Progress { return c.settle(p, now) }

// Waiting says what a caller has yet to show to reach the next stage.
func (c *Contract) Waiting(p Progress, now time.Time) *Advance {
	if len(c.stages) == 0 {
		return nil
	}
	p = c.settle(p, now)
	a := c.stages[c.stageOf(p)].Advance
	if a == nil {
		return nil
	}
	left := *a
	left.After = max(0, a.After-Seconds(now.Sub(p.Since)/time.Second))
	left.Issued -= min(a.Issued, p.Issued)
	left.Accepted -= min(a.Accepted, p.Accepted)
	return &left
}

// stepped reports whether the stages are used at all.
func (c *Contract) stepped() bool { return len(c.stages) > 0 }

// Tracked reports whether decisions need to know each caller's progress or
// live credentials.
func (c *Contract) Tracked() bool { return c.stepped() || c.LimitsActive() }

// LimitsActive reports whether live credentials are limited at some stage.
func (c *Contract) LimitsActive() bool {
	for _, s := range c.stages {
		if s.MaxActive > 0 {
			return true
		}
	}
	return c.MaxActive > 0
}
