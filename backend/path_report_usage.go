package backend

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/account"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
)

// hoursRequest asks about some of the hours that are kept.
type hoursRequest struct {
	From time.Time `json:"from" doc:"RFC 3339 time of the first hour. Default: all that are kept, which is a week."`
	To   time.Time `json:"to" doc:"RFC 3339 time before which the last hour begins. Default: now."`
}

type usageRequest struct {
	pageRequest
	hoursRequest
	By       string `json:"by" doc:"What a row is about: caller (one contract and one caller), contract, or hour (contract, caller and hour). Default: caller."`
	Contract string `json:"contract" doc:"Only this contract."`
	Caller   string `json:"caller" doc:"Only this caller: an entity ID."`
}

type usageResponse struct {
	Since string     `json:"since" doc:"RFC 3339 time from which the counts are complete, but for up to a minute before a crash of the plugin."`
	Usage []usageRow `json:"usage" doc:"Sorted rows: contract, caller (* for those that were too many to be counted apart), hour, and how many credentials were issued, renewed, revoked while alive and expired, and how many requests the service accepted and refused."`
	Next  string     `json:"next" doc:"Ask again with after=<next>; empty on the last page."`
}

type usageRow struct {
	Hour     string `json:"hour,omitempty"`
	Contract string `json:"contract"`
	Caller   string `json:"caller,omitempty"`
	Issued   uint64 `json:"issued"`
	Renewed  uint64 `json:"renewed"`
	Revoked  uint64 `json:"revoked"`
	Expired  uint64 `json:"expired"`
	Accepted uint64 `json:"accepted"`
	Refused  uint64 `json:"refused"`
}

// key is the cursor of a page. Rows are sorted by it: a space comes before all
// that names are made of.
func (r usageRow) key() string { return r.Hour + " " + r.Contract + " " + r.Caller }

func (b *backend) pathUsage() endpoint.Path {
	return endpoint.Path{
		Pattern: "report/usage", Suffix: "usage-report",
		Synopsis: "Who uses which contract, and how much.",
		Help:     "Counted by the hour and kept for a week. Summed up over the time asked for, or with by=hour over each hour.",
		Read:     endpoint.Handle("Report who uses which contract.", b.reportUsage),
	}
}

func (b *backend) reportUsage(ctx context.Context, call *endpoint.Call, req *usageRequest) (*usageResponse, error) {
	if !slices.Contains([]string{"", "caller", "contract", "hour"}, req.By) {
		return nil, endpoint.BadRequest("by: %.40q is none of caller, contract, hour", req.By)
	}
	if err := b.loadAccounts(ctx, call.Storage); err != nil {
		return nil, err
	}
	sums := map[string]*usageRow{}
	for _, u := range b.accounts.Uses(req.From, req.To) {
		if req.Contract != "" && u.Contract != req.Contract || req.Caller != "" && u.Caller != req.Caller {
			continue
		}
		row := usageRow{Contract: u.Contract, Caller: u.Caller}
		switch req.By {
		case "contract":
			row.Caller = ""
		case "hour":
			row.Hour = stamp(u.Hour)
		}
		sum := sums[row.key()]
		if sum == nil {
			sum = &row
			sums[row.key()] = sum
		}
		sum.add(u.Use)
	}
	rows := make([]usageRow, 0, len(sums))
	for _, row := range sums {
		rows = append(rows, *row)
	}
	slices.SortFunc(rows, func(x, y usageRow) int {
		return cmp.Or(cmp.Compare(x.Hour, y.Hour), cmp.Compare(x.Contract, y.Contract), cmp.Compare(x.Caller, y.Caller))
	})
	rows, next, err := page(&req.pageRequest, rows, usageRow.key)
	_, hours := b.accounts.Since()
	return &usageResponse{stamp(hours), rows, next}, err
}

func (r *usageRow) add(u account.Use) {
	r.Issued += u.Issued
	r.Renewed += u.Renewed
	r.Revoked += u.Revoked
	r.Expired += u.Expired
	r.Accepted += u.Accepted
	r.Refused += u.Refused
}
