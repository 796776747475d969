package decisions

import (
	"slices"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/estate"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// Coverage says what the tests have seen of each contract.
type Coverage struct {
	Contracts []*Contract `json:"contracts"`
}

// Contract is the coverage of one contract. A check is covered when a test saw
// it deny; a condition when one test saw it true and another saw it false.
type Contract struct {
	Name       string      `json:"name"`
	Tests      int         `json:"tests"`
	Checks     []ramp.Code `json:"checks"` // that could deny
	Denied     []ramp.Code `json:"denied"` // that were seen to deny
	Conditions []string    `json:"conditions,omitempty"`
	Both       []string    `json:"both,omitempty"` // conditions seen true and false

	seen map[string]map[bool]bool
}

// All is how much there is to cover, and Covered how much of it is.
func (c *Contract) All() int { return len(c.Checks) + len(c.Conditions) }

// Covered is how much of All the tests have seen.
func (c *Contract) Covered() int { return len(c.Denied) + len(c.Both) }

// Percent of all that is to cover.
func (c *Coverage) Percent() int {
	all, covered := 0, 0
	for _, x := range c.Contracts {
		all, covered = all+x.All(), covered+x.Covered()
	}
	if all == 0 {
		return 100
	}
	return 100 * covered / all
}

func newCoverage(e *estate.Estate) *Coverage {
	cov := &Coverage{}
	for _, c := range e.Contracts {
		x := &Contract{Name: c.Name, Checks: deniable(c.Contract, e.Service(c.Contract.Service)), Denied: []ramp.Code{}, seen: map[string]map[bool]bool{}}
		lists := [][]ramp.ConditionTerms{c.Conditions}
		if svc := e.Service(c.Contract.Service); svc != nil {
			lists = append(lists, svc.Conditions)
		}
		for _, s := range c.Stages {
			lists = append(lists, s.Conditions)
		}
		for _, list := range lists {
			for _, t := range list {
				if issued(t.On) && !slices.Contains(x.Conditions, t.Name) {
					x.Conditions = append(x.Conditions, t.Name)
					x.seen[t.Name] = map[bool]bool{}
				}
			}
		}
		cov.Contracts = append(cov.Contracts, x)
	}
	return cov
}

func issued(on []string) bool { return len(on) == 0 || slices.Contains(on, ramp.OnIssue) }

// deniable are the checks that the author of a contract decides about: who,
// from where, which scopes, and what else the contract or service asks.
func deniable(c *ramp.Contract, svc *ramp.Service) []ramp.Code {
	codes := []ramp.Code{ramp.CallerNotBound, ramp.ScopeNotGranted}
	add := func(code ramp.Code, asked bool) {
		if asked {
			codes = append(codes, code)
		}
	}
	add(ramp.SourceAddress, len(c.BoundCIDRs) > 0)
	add(ramp.ContractNotStarted, !c.NotBefore.IsZero())
	add(ramp.ContractExpired, !c.ExpiresAt.IsZero())
	add(ramp.LimitActive, c.LimitsActive())
	add(ramp.ConsentMissing, svc != nil && svc.Consent == ramp.ConsentRequired)
	add(ramp.ProofRequired, svc != nil && svc.Proof != ramp.ProofNone)
	return codes
}

func (c *Coverage) add(name string, d *ramp.Decision) {
	i := slices.IndexFunc(c.Contracts, func(x *Contract) bool { return x.Name == name })
	x := c.Contracts[i]
	x.Tests++
	if denial := d.Denial(); denial != nil && slices.Contains(x.Checks, denial.Code) && !slices.Contains(x.Denied, denial.Code) {
		x.Denied = append(x.Denied, denial.Code)
	}
	for _, check := range d.Checks() {
		seen, ok := x.seen[check.Condition]
		if !ok || check.Code == ramp.ConditionError {
			continue
		}
		seen[check.Passed] = true
		if len(seen) == 2 && !slices.Contains(x.Both, check.Condition) {
			x.Both = append(x.Both, check.Condition)
		}
	}
}

// Missing names what is not covered.
func (c *Contract) Missing() []string {
	var list []string
	for _, code := range c.Checks {
		if !slices.Contains(c.Denied, code) {
			list = append(list, string(code))
		}
	}
	for _, name := range c.Conditions {
		if !slices.Contains(c.Both, name) {
			list = append(list, "condition "+name)
		}
	}
	return list
}
