// Package decisions runs the tests of an estate: each asks the code that
// decides in the engine, with facts made up.
package decisions

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/estate"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// Result is what became of a test.
type Result struct {
	Name     string        `json:"name"`
	Contract string        `json:"contract"`
	Passed   bool          `json:"passed"`
	Wrong    []string      `json:"wrong,omitempty"` // what was expected and is not so
	Answer   string        `json:"answer"`          // of the contract, as a sentence
	Place    string        `json:"place"`           // file and line
	Took     time.Duration `json:"-"`
}

// Run asks the contracts all the tests. Every test's contract is valid, and so
// is its service, which may be elsewhere than in the files.
func Run(e *estate.Estate, limits ramp.Limits, services func(string) *ramp.Service, now time.Time) ([]Result, *Coverage) {
	var results []Result
	cov := newCoverage(e)
	for _, t := range e.Tests {
		c := e.Contract(t.Contract)
		svc := services(c.Service)
		at := t.Range()
		r := Result{Name: t.Name, Contract: t.Contract, Place: fmt.Sprintf("%s:%d", at.Filename, at.Start.Line)}
		if svc == nil {
			r.Wrong = []string{fmt.Sprintf("service %q is not in these files, so the contract cannot be asked", c.Service)}
		} else {
			started := time.Now()
			state, facts := question(t, c, limits, now)
			d := ramp.Decide(c, svc, state, facts)
			r.Wrong, r.Answer, r.Took = compare(t.Expect, &d), sentence(&d), time.Since(started)
			cov.add(c.Name, &d)
		}
		r.Passed = r.Wrong == nil
		results = append(results, r)
	}
	return results, cov
}

// question is a test as the facts of a decision.
func question(t *estate.Test, c *ramp.Contract, limits ramp.Limits, now time.Time) (ramp.State, ramp.Facts) {
	f := ramp.Facts{Phase: ramp.PhaseIssue, Now: now, Limits: limits, Request: ramp.Request{
		Scopes: t.Scopes, TTL: t.TTL, Generation: t.Generation, Proof: t.Proof, Context: t.Context,
	}}
	if !t.Time.IsZero() {
		f.Now = t.Time
	}
	if t.RemoteAddress != "" {
		f.RemoteAddr = netip.MustParseAddr(t.RemoteAddress) // checked when the test was read
	}
	if t.Caller != nil {
		f.Caller = caller(t.Caller)
	}
	st := ramp.State{Consent: c.Revision()}
	if g := t.Given; g != nil {
		given(&st, g, f.Now)
	}
	return st, f
}

func caller(t *estate.CallerTerms) *ramp.Caller {
	c := &ramp.Caller{ID: t.ID, Name: t.Name, Disabled: t.Disabled, Metadata: t.Metadata}
	if c.ID == "" {
		c.ID = "entity"
	}
	for _, g := range t.Groups {
		c.Groups = append(c.Groups, ramp.Group{ID: g, Name: g})
	}
	for _, a := range t.Aliases {
		c.Aliases = append(c.Aliases, ramp.Alias{ID: a.Name, Name: a.Name, Accessor: a.Accessor, MountType: a.MountType, Metadata: a.Metadata, CustomMetadata: a.CustomMetadata})
	}
	return c
}

func given(st *ramp.State, g *estate.Given, now time.Time) {
	st.Active = g.Active
	if g.Stage != "" || !g.Since.IsZero() {
		st.Progress = ramp.Progress{Stage: g.Stage, Since: g.Since, Issued: g.Issued, Accepted: g.Accepted, LastUsed: now}
		if g.Since.IsZero() {
			st.Progress.Since = now
		}
	}
	for i, name := range g.Generations {
		generation := ramp.Generation{Name: name}
		if i < len(g.Generations)-1 {
			generation.Until = now.Add(24 * time.Hour)
		}
		st.Generations = append(st.Generations, generation)
	}
	if g.Consent == "missing" {
		st.Consent = ""
	}
	for _, what := range g.Suspended {
		switch what {
		case "contract":
			st.ContractSuspended = true
		case "service":
			st.ServiceSuspended = true
		case "caller":
			st.CallerSuspended = true
		}
	}
}

func sentence(d *ramp.Decision) string {
	if denial := d.Denial(); denial != nil {
		return denial.Error()
	}
	g := d.Grant()
	text := fmt.Sprintf("allowed: scopes %s, ttl %s, until %s, as %s", g.Scopes, estate.Duration(g.TTL), g.Expiry.UTC().Format(time.RFC3339), g.Subject)
	if g.Stage != "" {
		text += ", at stage " + g.Stage
	}
	if g.Generation != "" {
		text += ", of generation " + g.Generation
	}
	return text
}

// compare lists what is not as expected.
func compare(e *estate.Expect, d *ramp.Decision) (wrong []string) {
	differs := func(field, want, got string) {
		if want != "" && want != got {
			wrong = append(wrong, fmt.Sprintf("%s: expected %s, got %s", field, want, got))
		}
	}
	denial, g := d.Denial(), d.Grant()
	allowed := e.Code == "" && e.Reason == ""
	if e.Allowed != nil {
		allowed = *e.Allowed
	}
	if allowed != (denial == nil) {
		return []string{fmt.Sprintf("allowed: expected %t, got %t", allowed, denial == nil)}
	}
	if denial != nil {
		differs("code", e.Code, string(denial.Code))
		if !strings.Contains(denial.Reason, e.Reason) {
			wrong = append(wrong, fmt.Sprintf("reason: expected a sentence with %q, got %q", e.Reason, denial.Reason))
		}
		return wrong
	}
	differs("scopes", e.Scopes.String(), g.Scopes.String())
	if e.TTL != 0 && e.TTL != g.TTL {
		differs("ttl", estate.Duration(e.TTL), estate.Duration(g.TTL))
	}
	if !e.ExpiresAt.IsZero() && !e.ExpiresAt.Equal(g.Expiry) {
		differs("expires_at", e.ExpiresAt.UTC().Format(time.RFC3339), g.Expiry.UTC().Format(time.RFC3339))
	}
	differs("subject", e.Subject, g.Subject)
	differs("stage", e.Stage, g.Stage)
	differs("generation", e.Generation, g.Generation)
	return wrong
}
