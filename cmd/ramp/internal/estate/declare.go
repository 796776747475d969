package estate

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/kinds"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// declare adds what a block declares to the estate, also when it is refused,
// so that what depends on it is not called missing.
func (l *loader) declare(m *module, b *hcl.Block) hcl.Diagnostics {
	switch b.Type {
	case "service":
		return l.service(m, b)
	case "contract":
		return l.contract(m, b)
	}
	return l.test(m, b)
}

func (d *declaration) checkName() hcl.Diagnostics {
	if endpoint.IsName(d.name) {
		return nil
	}
	return failed("not a name", fmt.Sprintf("A %s may be named with letters, digits, _, - and . between, not %q.", d.kind, d.name), d.find("name").Ptr())
}

func (l *loader) service(m *module, b *hcl.Block) hcl.Diagnostics {
	var terms ramp.ServiceTerms
	d, diags := decode(b, m.scope, &terms)
	s := &Service{Name: d.name, decl: d}
	for _, other := range l.estate.Services {
		if other.Name == d.name {
			return twice(d, other.decl)
		}
	}
	l.estate.Services = append(l.estate.Services, s)
	if diags = append(diags, d.checkName()...); diags.HasErrors() {
		return diags
	}
	made, err := ramp.NewService(d.name, terms, l.conditions.Compile)
	if err != nil {
		return d.refused(err.Error())
	}
	s.Service = made
	return diags
}

func (l *loader) contract(m *module, b *hcl.Block) hcl.Diagnostics {
	var terms ramp.Terms
	d, diags := decode(b, m.scope, &terms)
	c := &Contract{Name: d.name, decl: d}
	for _, other := range l.estate.Contracts {
		if other.Name == d.name {
			return twice(d, other.decl)
		}
	}
	l.estate.Contracts = append(l.estate.Contracts, c)
	if diags = append(diags, d.checkName()...); diags.HasErrors() {
		return diags
	}
	made, err := ramp.NewContract(d.name, d.name, terms, l.conditions.Compile)
	if err == nil {
		_, _, err = kinds.Of(kinds.Mount{}, made)
	}
	if err != nil {
		return d.refused(err.Error())
	}
	c.Contract = made
	return diags
}

func (l *loader) test(m *module, b *hcl.Block) hcl.Diagnostics {
	t := &Test{}
	d, diags := decode(b, m.scope, &t.TestTerms)
	t.Name, t.decl = d.name, d
	for _, other := range l.estate.Tests {
		if other.Name == d.name {
			return twice(d, other.decl)
		}
	}
	if diags.HasErrors() {
		return diags
	}
	if err := t.check(); err != nil {
		return d.refused(err.Error())
	}
	l.estate.Tests = append(l.estate.Tests, t)
	return diags
}

func twice(d, first *declaration) hcl.Diagnostics {
	return failed("name used twice", fmt.Sprintf("%s %q is declared at %s already.", d.kind, d.name, first.place), &d.place)
}

// Check checks what services, contracts and tests have to do with each other,
// and with a mount that has these limits. A service that the files do not have
// is looked up elsewhere; without elsewhere it earns a warning.
func (e *Estate) Check(limits ramp.Limits, elsewhere func(name string) *ramp.Service) (diags hcl.Diagnostics) {
	for _, s := range e.Services {
		if s.Service == nil {
			continue
		}
		if err := s.Fits(limits); err != nil {
			diags = append(diags, s.decl.refused(err.Error())...)
		}
	}
	services := map[string]*ramp.Service{}
	for _, s := range e.Services {
		services[s.Name] = s.Service
	}
	for _, c := range e.Contracts {
		if c.Contract != nil {
			diags = append(diags, c.fit(services, limits, elsewhere)...)
		}
	}
	contracts := map[string]bool{}
	for _, c := range e.Contracts {
		contracts[c.Name] = true
	}
	for _, t := range e.Tests {
		if !contracts[t.Contract] {
			diags = append(diags, t.decl.refused(fmt.Sprintf("contract %q is not in these files", t.Contract))...)
		}
	}
	return diags
}

func (c *Contract) fit(services map[string]*ramp.Service, limits ramp.Limits, elsewhere func(string) *ramp.Service) hcl.Diagnostics {
	name := c.Contract.Service
	svc, declared := services[name]
	switch {
	case declared && svc == nil:
		return nil // it has an error of its own
	case !declared && elsewhere == nil:
		return hcl.Diagnostics{{
			Severity: hcl.DiagWarning, Summary: fmt.Sprintf("service %q is not in these files", name),
			Detail:  fmt.Sprintf("Whether contract %q fits it is checked when it is planned, against the service on the mount.", c.Name),
			Subject: c.decl.find("service").Ptr(),
		}}
	case !declared:
		svc = elsewhere(name)
	}
	if svc == nil {
		return c.decl.refused(fmt.Sprintf("service %q is neither in these files nor on the mount; its team has to declare it first", name))
	}
	if err := c.Fits(svc, limits); err != nil {
		return c.decl.refused(err.Error())
	}
	return nil
}
