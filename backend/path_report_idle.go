package backend

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

type idleRequest struct {
	pageRequest
	For ramp.Seconds `json:"for" doc:"A contract is idle when nothing was issued or renewed for so long. Default: 168h."`
}

type idleResponse struct {
	Since string    `json:"since" doc:"RFC 3339 time at which counting began. What is younger than the time asked for is not called idle."`
	Idle  []idleRow `json:"idle" doc:"Contracts that nobody uses, or that grant more than is used: contract, service, owner, created, last_used (hour; empty for never), idle (whether nobody uses it), unused_scopes (in none of the service side's reports for so long; it reports since scopes_since), and suggested: fields to write to roles/<contract>."`
	Next  string    `json:"next" doc:"Ask again with after=<next>; empty on the last page. A page is that many contracts, of which only those have rows that have something to report."`
}

type idleRow struct {
	Contract     string         `json:"contract"`
	Service      string         `json:"service"`
	Owner        string         `json:"owner,omitempty"`
	Created      string         `json:"created"`
	LastUsed     string         `json:"last_used"`
	Idle         bool           `json:"idle"`
	UnusedScopes ramp.Scopes    `json:"unused_scopes,omitempty"`
	ScopesSince  string         `json:"scopes_since,omitempty"`
	Suggested    map[string]any `json:"suggested,omitempty"`
}

func (b *backend) pathIdle() endpoint.Path {
	return endpoint.Path{
		Pattern: "report/idle", Suffix: "idle-report",
		Synopsis: "Contracts and scopes that nobody uses.",
		Help:     "What to delete or make smaller. Scopes are known when the service side reports them with evidence/<role>, for as long as the time asked for.",
		Read:     endpoint.Handle("Report what nobody uses.", b.reportIdle),
	}
}

func (b *backend) reportIdle(ctx context.Context, call *endpoint.Call, req *idleRequest) (*idleResponse, error) {
	idle, err := stretch(call, "for", req.For)
	if err != nil {
		return nil, err
	}
	before := b.now().Add(-idle)
	rows := []idleRow{}
	next, err := b.contractPage(ctx, call.Storage, &req.pageRequest, func(c *contract, _ *service) error {
		if row := b.idle(c, before); row.Idle || len(row.UnusedScopes) > 0 {
			rows = append(rows, row)
		}
		return nil
	})
	if b.accounts.Full() {
		call.Warn("there are more contracts than are counted apart: none is called idle")
	}
	begun, _ := b.accounts.Since()
	return &idleResponse{stamp(begun), rows, next}, err
}

// idle says what was not used since a time.
func (b *backend) idle(c *contract, before time.Time) idleRow {
	a := b.accounts.Activity(c.ID, b.now())
	row := idleRow{
		Contract: c.Name, Service: c.Service, Owner: c.Metadata["owner"],
		Created: stamp(c.stored.Created), LastUsed: stamp(a.LastUsed), ScopesSince: stamp(a.ScopesSince),
	}
	begun, _ := b.accounts.Since()
	watched := c.stored.Created
	if watched.Before(begun) {
		watched = begun
	}
	// The last use is known to the hour: it may have been at the end of it.
	row.Idle = watched.Before(before) && a.LastUsed.Add(time.Hour).Before(before) && !b.accounts.Full()
	if a.ScopesSince.IsZero() || a.ScopesSince.After(before) {
		return row
	}
	maps.DeleteFunc(a.Scopes, func(_ string, last time.Time) bool { return last.Add(time.Hour).Before(before) })
	row.UnusedScopes = c.Scopes.Missing(slices.Sorted(maps.Keys(a.Scopes)))
	if len(row.UnusedScopes) > 0 {
		row.Suggested = b.smaller(c, row.UnusedScopes)
	}
	return row
}

// smaller is what to write to a contract so that it grants no more than is
// used, nil when nothing would be left, or nothing that makes a contract.
func (b *backend) smaller(c *contract, unused ramp.Scopes) map[string]any {
	terms := c.Terms
	terms.Scopes = terms.Scopes.Missing(unused)
	fields := map[string]any{"scopes": terms.Scopes}
	if len(terms.Stages) > 0 {
		terms.Stages = slices.Clone(terms.Stages)
		for i := range terms.Stages {
			terms.Stages[i].Scopes = terms.Stages[i].Scopes.Missing(unused)
		}
		fields["stages"] = terms.Stages
	}
	if terms.OffRamp != nil {
		less := *terms.OffRamp
		less.Scopes = less.Scopes.Missing(unused)
		terms.OffRamp = &less
		fields["off_ramp"] = less
	}
	if _, err := b.compile(c.Name, c.ID, terms); err != nil {
		return nil
	}
	return fields
}
