package backend

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

type expiringRequest struct {
	pageRequest
	Within ramp.Seconds `json:"within" doc:"How far to look ahead. Default: 168h."`
}

type expiringResponse struct {
	Expiring []expiringRow `json:"expiring" doc:"What ends, soonest first within a page: at, kind (contract, off_ramp: its rights begin to shrink; generation; credentials: live ones that end in the hour that begins then; key: its rotation is due), name (of the contract or key), detail, owner and count."`
	Next     string        `json:"next" doc:"Ask again with after=<next>; empty on the last page. A page is that many contracts, of which only those have rows that have something to report."`
}

type expiringRow struct {
	At     string `json:"at"`
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Detail string `json:"detail,omitempty"`
	Owner  string `json:"owner,omitempty"`
	Count  uint64 `json:"count,omitempty"`
}

func (b *backend) pathExpiring() endpoint.Path {
	return endpoint.Path{
		Pattern: "report/expiring", Suffix: "expiring-report",
		Synopsis: "What ends soon: contracts, generations, keys, credentials.",
		Help:     "Contracts that have ended already are in it until somebody deletes or extends them. Credentials are counted, never looked up: after a crash of the plugin those of its last minute are missing.",
		Read:     endpoint.Handle("Report what ends soon.", b.reportExpiring),
	}
}

func (b *backend) reportExpiring(ctx context.Context, call *endpoint.Call, req *expiringRequest) (*expiringResponse, error) {
	within, err := stretch(call, "within", req.Within)
	if err != nil {
		return nil, err
	}
	now := b.now()
	end := now.Add(within)
	rows := []expiringRow{}
	if req.After == "" {
		rows = append(rows, b.keysDue(end)...)
	}
	next, err := b.contractPage(ctx, call.Storage, &req.pageRequest, func(c *contract, _ *service) error {
		rows = append(rows, b.ends(c, now, end)...)
		return nil
	})
	slices.SortStableFunc(rows, func(x, y expiringRow) int {
		return cmp.Or(cmp.Compare(x.At, y.At), cmp.Compare(x.Name, y.Name), cmp.Compare(x.Kind, y.Kind))
	})
	return &expiringResponse{rows, next}, err
}

func (b *backend) keysDue(end time.Time) (rows []expiringRow) {
	for _, name := range b.keys.Names() {
		if set := b.keys.Set(name); set != nil {
			if due := set.DueAt(); !due.IsZero() && due.Before(end) {
				rows = append(rows, expiringRow{At: stamp(due), Kind: "key", Name: name, Detail: set.Signs(b.now()).KeyID})
			}
		}
	}
	return rows
}

func (b *backend) ends(c *contract, now, end time.Time) (rows []expiringRow) {
	row := func(at time.Time, kind, detail string, n uint64) {
		rows = append(rows, expiringRow{stamp(at), kind, c.Name, detail, c.Metadata["owner"], n})
	}
	if !c.ExpiresAt.IsZero() && c.ExpiresAt.Before(end) {
		row(c.ExpiresAt, "contract", "", 0)
	}
	if shrinks := c.OffRampStart(); !shrinks.IsZero() && shrinks.Before(end) && now.Before(c.ExpiresAt) {
		row(shrinks, "off_ramp", "", 0)
	}
	for _, g := range c.state.Generations {
		if !g.Until.IsZero() && g.Until.After(now) && g.Until.Before(end) {
			row(g.Until, "generation", g.Name, 0)
		}
	}
	for hour, n := range b.accounts.Activity(c.ID, now).Ends {
		if hour.Before(end) {
			row(hour, "credentials", "", n)
		}
	}
	return rows
}
