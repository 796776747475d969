// Package plan works out what has to be written so that a mount has what an
// estate declares, and writes it.
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

// Label is the key of the metadata that names the owner of a service or
// contract.
const Label = "managed_by"

// Action is what a step does.
type Action string

const (
	Create Action = "create"
	Update Action = "update"
	Delete Action = "delete"
)

// Step is one write.
type Step struct {
	Action   Action             `json:"action"`
	Kind     string             `json:"kind"` // service or contract
	Name     string             `json:"name"`
	Expected string             `json:"expected_revision"` // what is on the mount, "none" for nothing
	Service  *ramp.ServiceTerms `json:"service,omitempty"`
	Contract *ramp.Terms        `json:"contract,omitempty"`
	Changes  []Change           `json:"changes,omitempty"`
	// Kills lists the contracts whose live credentials die.
	Kills []string `json:"kills,omitempty"`
	// Consent is the service whose team has to accept the contract before
	// it issues.
	Consent string `json:"consent,omitempty"`
}

// Address names what the step is about: contract.orders-to-payments.
func (s *Step) Address() string { return s.Kind + "." + s.Name }

// Plan is the steps in the order in which they are taken.
type Plan struct {
	Version int    `json:"ramp_plan"`
	Mount   string `json:"mount"` // address; the plan is for no other
	Owner   string `json:"owner"`
	Steps   []Step `json:"steps"`
	// Left lists what the owner has on the mount and not in the files.
	Left []string `json:"left,omitempty"`
}

// Options say how far a plan goes.
type Options struct {
	Targets []string // addresses or names; none: everything
	Prune   bool     // delete what the owner has on the mount and not in the files
	Adopt   bool     // take over what has another owner or none
}

// Make plans. The estate has been checked against the mount.
func Make(e *estate.Estate, snap *mount.Snapshot, address string, o Options) (*Plan, error) {
	p := &planner{estate: e, snap: snap, options: o, owner: e.Settings.Owner, hit: map[string]bool{}}
	for _, s := range e.Services {
		p.service(s.Service)
	}
	for _, c := range e.Contracts {
		p.contract(c.Contract)
	}
	p.leftovers()
	for _, t := range o.Targets {
		if !p.hit[t] {
			p.refuse("-target=%s: neither the files nor the mount have it; name it as service.NAME or contract.NAME", t)
		}
	}
	if p.refused != nil {
		return nil, fmt.Errorf("%s", strings.Join(p.refused, "\n"))
	}
	p.consequences()
	return &Plan{Version: 1, Mount: address, Owner: p.owner, Steps: p.steps, Left: p.left}, nil
}

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
		if !p.mayTouch(&step, was.Metadata) {
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

// consequences says of each step whose credentials die and whose consent is
// needed, as the engine will do it.
func (p *planner) consequences() {
	services := map[string]ramp.ServiceTerms{}
	for name, s := range p.snap.Services {
		services[name] = s.ServiceTerms
	}
	for i := range p.steps {
		step := &p.steps[i]
		switch {
		case step.Service != nil:
			if was, ok := services[step.Name]; ok && !step.Service.Keeps(was) {
				step.Kills = p.users(step.Name)
			}
			services[step.Name] = *step.Service
		case step.Contract != nil:
			if was := p.snap.Contracts[step.Name]; was != nil && !step.Contract.Keeps(&was.Terms) {
				step.Kills = []string{step.Name}
			}
			if services[step.Contract.Service].Consent == ramp.ConsentRequired {
				step.Consent = step.Contract.Service
			}
		case step.Kind == "contract":
			step.Kills = []string{step.Name}
		}
	}
}

// users are the contracts on the mount with a service, whoever owns them.
func (p *planner) users(service string) []string {
	var names []string
	for name, c := range p.snap.Contracts {
		if c.Service == service {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
