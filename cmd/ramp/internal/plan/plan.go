// Package plan works out what has to be written so that a mount has what an
// estate declares, and writes it.
package plan

import (
	"fmt"
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
	// Resumed says that an earlier write of the service failed before it had
	// killed all it has to: it is done again.
	Resumed bool `json:"resumed,omitempty"`
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
