package ramp

import (
	"errors"
	"fmt"
	"time"
)

// StageTerms is one step of the ramp: a subset of the contract's rights.
type StageTerms struct {
	Name       string           `json:"name" doc:"Name of the stage. Required."`
	Scopes     Scopes           `json:"scopes" doc:"Scopes granted at the stage, each of them one of the contract's. Required."`
	TTL        Seconds          `json:"ttl,omitempty" doc:"Life of a credential between renewals."`
	MaxActive  uint64           `json:"max_active,omitempty" doc:"Most live credentials of one caller."`
	Conditions []ConditionTerms `json:"conditions,omitempty" doc:"Conditions of the stage, beside those of contract and service."`
	Advance    *Advance         `json:"advance,omitempty" doc:"What a caller has to show to reach the next stage, all of it."`
	Retreat    *Retreat         `json:"retreat,omitempty" doc:"What leads back to the stage before."`
	Idle       Seconds          `json:"idle,omitempty" doc:"Without a credential for so long: back to the first stage."`
}

// Advance is what a caller has to show at a stage, all of it.
type Advance struct {
	After    Seconds `json:"after,omitempty" doc:"Time at the stage."`
	Issued   uint64  `json:"issued,omitempty" doc:"Credentials issued at the stage."`
	Accepted uint64  `json:"accepted,omitempty" doc:"Requests that the service reports as accepted."`
	Approval bool    `json:"approval,omitempty" doc:"Somebody advances the caller by hand."`
}

// Retreat is how much may go wrong at a stage within a time.
type Retreat struct {
	Denials  uint64  `json:"denials,omitempty" doc:"Credentials denied for what the caller asked."`
	Refusals uint64  `json:"refusals,omitempty" doc:"Requests that the service reports as refused."`
	Within   Seconds `json:"within,omitempty" doc:"The time in which so much may go wrong. Required."`
}

// OffRamp is the window before the contract expires in which its rights shrink.
type OffRamp struct {
	Window Seconds `json:"window" doc:"How long before expires_at the rights shrink. Required."`
	Scopes Scopes  `json:"scopes,omitempty" doc:"Scopes granted in the window."`
	TTL    Seconds `json:"ttl,omitempty" doc:"Life of a credential between renewals in the window."`
}

const maxStages = 16

type stage struct {
	*StageTerms
	conditions conditions
}

func compileStages(t *Terms, compile Compiler) ([]stage, error) {
	if len(t.Stages) > maxStages {
		return nil, fmt.Errorf("stages: %d are more than %d", len(t.Stages), maxStages)
	}
	var all []stage
	names := map[string]bool{}
	for i := range t.Stages {
		s := &t.Stages[i]
		var err error
		if s.Scopes, err = NewScopes(s.Scopes...); err != nil {
			return nil, fmt.Errorf("stages: %q: %w", s.Name, err)
		}
		if err := s.check(t, i == len(t.Stages)-1); err != nil {
			return nil, fmt.Errorf("stages: number %d (%q): %w", i+1, s.Name, err)
		}
		if names[s.Name] {
			return nil, fmt.Errorf("stages: the name %q is used twice", s.Name)
		}
		names[s.Name] = true
		conds, err := compileAll(s.Conditions, compile)
		if err != nil {
			return nil, fmt.Errorf("stages: %q: %w", s.Name, err)
		}
		all = append(all, stage{s, conds})
	}
	return all, nil
}

func (s *StageTerms) check(t *Terms, last bool) error {
	missing := s.Scopes.Missing(t.Scopes)
	switch {
	case s.Name == "":
		return errors.New("name is required")
	case len(s.Scopes) == 0:
		return errors.New("scopes is required: a stage without scopes grants nothing")
	case missing != nil:
		return fmt.Errorf("scope %q is not one of the contract's: %s", missing[0], t.Scopes)
	case s.TTL < 0 || s.Idle < 0:
		return errors.New("ttl and idle may not be negative")
	case last && s.Advance != nil:
		return errors.New("advance says what it takes to reach the next stage, and there is none after the last")
	case s.Advance != nil && *s.Advance == Advance{}:
		return errors.New("advance is empty; give after, issued, accepted or approval")
	case s.Advance != nil && s.Advance.After < 0:
		return errors.New("advance.after may not be negative")
	case s.Retreat != nil && (s.Retreat.Within <= 0 || s.Retreat.Denials+s.Retreat.Refusals == 0):
		return errors.New("retreat needs within, and denials or refusals")
	}
	return nil
}

func (o *OffRamp) check(t *Terms) (err error) {
	if o.Scopes, err = NewScopes(o.Scopes...); err != nil {
		return err
	}
	missing := o.Scopes.Missing(t.Scopes)
	switch {
	case t.ExpiresAt.IsZero():
		return errors.New("the window lies before expires_at, which is not set")
	case o.Window <= 0:
		return errors.New("window is required: how long before expires_at the rights shrink")
	case missing != nil:
		return fmt.Errorf("scope %q is not one of the contract's: %s", missing[0], t.Scopes)
	case len(o.Scopes) == 0 && o.TTL <= 0:
		return errors.New("give scopes or ttl: what shrinks")
	}
	return nil
}

// OffRampStart is when the window opens, the zero time when there is none.
func (c *Contract) OffRampStart() time.Time {
	if c.OffRamp == nil {
		return time.Time{}
	}
	return c.ExpiresAt.Add(-c.OffRamp.Window.Duration())
}
