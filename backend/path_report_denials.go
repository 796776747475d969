package backend

import (
	"context"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
)

type denialsRequest struct {
	pageRequest
	hoursRequest
	Contract string `json:"contract" doc:"Only this contract."`
	Caller   string `json:"caller" doc:"Only this caller: an entity ID."`
	Code     string `json:"code" doc:"Only denials with this code."`
}

type denialsResponse struct {
	Since   string      `json:"since" doc:"RFC 3339 time from which the counts are complete, but for up to a minute before a crash of the plugin."`
	Denials []denialRow `json:"denials" doc:"Sorted rows: contract, caller (empty for a token without an entity, * for those that were too many to be counted apart), code, count, and the hour of the last one."`
	Next    string      `json:"next" doc:"Ask again with after=<next>; empty on the last page."`
}

type denialRow struct {
	Contract string `json:"contract"`
	Caller   string `json:"caller"`
	Code     string `json:"code"`
	Count    uint64 `json:"count"`
	Last     string `json:"last"`
}

func (r denialRow) key() string { return r.Contract + " " + r.Caller + " " + r.Code }

func (b *backend) pathDenials() endpoint.Path {
	return endpoint.Path{
		Pattern: "report/denials", Suffix: "denials-report",
		Synopsis: "Who was refused what, and why.",
		Help:     "Denials to issue and to renew, counted by the hour and kept for a week. explain/<role> tells more about one of them.",
		Read:     endpoint.Handle("Report who was refused what.", b.reportDenials),
	}
}

func (b *backend) reportDenials(ctx context.Context, call *endpoint.Call, req *denialsRequest) (*denialsResponse, error) {
	if err := b.loadAccounts(ctx, call.Storage); err != nil {
		return nil, err
	}
	only := func(wanted, is string) bool { return wanted == "" || wanted == is }
	rows := []denialRow{}
	for _, r := range b.accounts.Refusals(req.From, req.To) {
		if only(req.Contract, r.Contract) && only(req.Caller, r.Caller) && only(req.Code, r.Code) {
			rows = append(rows, denialRow{r.Contract, r.Caller, r.Code, r.N, stamp(r.Last)})
		}
	}
	rows, next, err := page(&req.pageRequest, rows, denialRow.key)
	_, hours := b.accounts.Since()
	return &denialsResponse{stamp(hours), rows, next}, err
}
