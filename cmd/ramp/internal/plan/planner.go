package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/estate"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/mount"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

type planner struct {
	estate  *estate.Estate
	snap    *mount.Snapshot
	options Options
	owner   string
	steps   []Step
	left    []string
	refused []string
	hit     map[string]bool // targets
}

func (p *planner) refuse(format string, args ...any) {
	p.refused = append(p.refused, fmt.Sprintf(format, args...))
}

func (p *planner) targeted(kind, name string) bool {
	wanted := len(p.options.Targets) == 0
	for _, t := range p.options.Targets {
		if t == name || t == kind+"."+name {
			p.hit[t] = true
			wanted = true
		}
	}
	return wanted
}

func (p *planner) service(s *ramp.Service) {
	terms, ok := s.ServiceTerms, false
	if terms.Metadata, ok = p.label("service", s.Name, terms.Metadata); !ok || !p.targeted("service", s.Name) {
		return
	}
	step := Step{Action: Create, Kind: "service", Name: s.Name, Expected: "none", Service: &terms}
	if was := p.snap.Services[s.Name]; was != nil {
		step.Action, step.Expected = Update, was.Stored
		step.Changes = compareServices(was.ServiceTerms, terms)
		step.Resumed = was.State == "narrowing" && was.Metadata[Label] == p.owner
		if !p.mayTouch(&step, was.Metadata) && !step.Resumed {
			return
		}
	} else {
		step.Changes = describe(terms, terms.Scopes)
	}
	p.steps = append(p.steps, step)
}

func (p *planner) contract(c *ramp.Contract) {
	terms, ok := c.Terms, false
	if terms.Metadata, ok = p.label("contract", c.Name, terms.Metadata); !ok || !p.targeted("contract", c.Name) {
		return
	}
	step := Step{Action: Create, Kind: "contract", Name: c.Name, Expected: "none", Contract: &terms}
	if was := p.snap.Contracts[c.Name]; was != nil {
		step.Action, step.Expected = Update, was.Stored
		step.Changes = compareContracts(&was.Terms, &terms)
		if !p.mayTouch(&step, was.Metadata) {
			return
		}
	} else {
		step.Changes = describe(terms, terms.Scopes)
	}
	p.steps = append(p.steps, step)
}

// label adds the owner to metadata.
func (p *planner) label(kind, name string, metadata map[string]string) (map[string]string, bool) {
	if _, taken := metadata[Label]; taken {
		p.refuse("%s %q: metadata.%s is written by apply; set the owner with estate { owner = … }", kind, name, Label)
		return nil, false
	}
	labelled := maps.Clone(metadata)
	if labelled == nil {
		labelled = map[string]string{}
	}
	labelled[Label] = p.owner
	return labelled, true
}

// mayTouch reports whether there is something to do, and whether the owner may
// do it. What is the same but for its owner is left as it is.
func (p *planner) mayTouch(step *Step, was map[string]string) bool {
	owner, managed := was[Label]
	if managed && owner == p.owner || p.options.Adopt {
		return len(step.Changes) > 0
	}
	foreign := fmt.Sprintf("metadata +%s=%s", Label, p.owner)
	if managed {
		foreign += fmt.Sprintf(" -%s=%s", Label, owner)
	}
	if len(step.Changes) == 1 && step.Changes[0].Field+" "+step.Changes[0].Text == foreign {
		return false
	}
	whose := "nobody manages it"
	if managed {
		whose = fmt.Sprintf("%q manages it", owner)
	}
	p.refuse("%s %q differs from these files, but %s, not %q; -adopt takes it over", step.Kind, step.Name, whose, p.owner)
	return false
}

// leftovers are what the owner has on the mount and not in the files:
// contracts before the services that they may use.
func (p *planner) leftovers() {
	declared := map[string]bool{}
	for _, s := range p.estate.Services {
		declared["service."+s.Name] = true
	}
	for _, c := range p.estate.Contracts {
		declared["contract."+c.Name] = true
	}
	leave := func(step Step, metadata map[string]string) {
		if metadata[Label] != p.owner || declared[step.Address()] || !p.targeted(step.Kind, step.Name) {
			return
		}
		if p.options.Prune {
			p.steps = append(p.steps, step)
		} else {
			p.left = append(p.left, step.Address())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.snap.Contracts)) {
		c := p.snap.Contracts[name]
		leave(Step{Action: Delete, Kind: "contract", Name: name, Expected: c.Stored, Changes: []Change{{Shrinks, "scopes", "-" + strings.Join(c.Scopes, " -")}}}, c.Metadata)
	}
	for _, name := range slices.Sorted(maps.Keys(p.snap.Services)) {
		s := p.snap.Services[name]
		leave(Step{Action: Delete, Kind: "service", Name: name, Expected: s.Stored}, s.Metadata)
	}
}
