// Package estate reads contracts as code: files in HCL, or in its JSON syntax,
// that declare services, contracts and tests. What it builds of them is what
// the engine builds of a write, with the same code, so that both accept and
// refuse the same; but here each error has a place in a file.
package estate

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// Estate is what the files of one directory declare together. Services,
// contracts and tests are in the order of their names.
type Estate struct {
	Settings  Settings
	Owned     bool // the files name an owner
	Services  []*Service
	Contracts []*Contract
	Tests     []*Test
}

// Settings is the block estate, of which a directory has one at most.
type Settings struct {
	Owner       string       `json:"owner" doc:"Who manages what these files declare. apply writes it to metadata.managed_by and touches nothing that another owner manages. Default: ramp."`
	TrustDomain string       `json:"trust_domain" doc:"SPIFFE trust domain that validate and test assume; on a mount its config has it. Default: example.org."`
	DefaultTTL  ramp.Seconds `json:"default_ttl" doc:"default_ttl of the mount's config that test assumes. Default: 15m."`
	MaxTTL      ramp.Seconds `json:"max_ttl" doc:"max_ttl of the mount's config that validate and test assume; plan asks the mount. Default: 24h."`
}

// Limits is what a mount with these settings imposes.
func (s Settings) Limits() ramp.Limits {
	return ramp.Limits{TrustDomain: s.TrustDomain, DefaultTTL: min(s.DefaultTTL, s.MaxTTL), MaxTTL: s.MaxTTL}
}

func (s *Settings) fill() {
	fill := func(to *string, value string) {
		if *to == "" {
			*to = value
		}
	}
	fill(&s.Owner, "ramp")
	fill(&s.TrustDomain, "example.org")
	if s.DefaultTTL == 0 {
		s.DefaultTTL = 15 * 60
	}
	if s.MaxTTL == 0 {
		s.MaxTTL = 24 * 3600
	}
}

// Service is a declared service. The embedded one is nil when it is invalid.
type Service struct {
	*ramp.Service
	Name string
	decl *declaration
}

// Contract is a declared contract. The embedded one is nil when it is invalid.
type Contract struct {
	*ramp.Contract
	Name string
	decl *declaration
}

// Test is a declared test of a decision.
type Test struct {
	TestTerms
	Name string
	decl *declaration
}

// Range is where the test is declared.
func (t *Test) Range() hcl.Range { return t.decl.place }

// Service returns the valid service of a name, nil when the files declare none.
func (e *Estate) Service(name string) *ramp.Service {
	for _, s := range e.Services {
		if s.Name == name {
			return s.Service
		}
	}
	return nil
}

// Contract returns the valid contract of a name, nil when the files declare none.
func (e *Estate) Contract(name string) *ramp.Contract {
	for _, c := range e.Contracts {
		if c.Name == name {
			return c.Contract
		}
	}
	return nil
}
