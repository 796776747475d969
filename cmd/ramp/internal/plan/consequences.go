package plan

import (
	"slices"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

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
			if was, ok := services[step.Name]; step.Resumed || ok && !step.Service.Keeps(was) {
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
