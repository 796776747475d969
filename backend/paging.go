package backend

import (
	"context"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// pageRequest asks for one page of a report.
type pageRequest struct {
	After string `json:"after" doc:"Continue after this: the next of the page before."`
	Limit int64  `json:"limit" doc:"How much a page may have at most, up to 1000. Default: 100."`
}

const (
	pageLimit    = 100
	maxPageLimit = 1000
)

// stretch is a time to look ahead or back: what the request says, else a week.
func stretch(call *endpoint.Call, field string, said ramp.Seconds) (time.Duration, error) {
	const week, most = 7 * 24 * 3600, 10 * 365 * 24 * 3600
	switch {
	case !call.Has(field):
		said = week
	case said < 0 || said > most:
		return 0, endpoint.BadRequest("%s must be between 0 and 87600h", field)
	}
	return said.Duration(), nil
}

// limit is how much the page may have.
func (p *pageRequest) limit() (int, error) {
	switch {
	case p.Limit == 0:
		return pageLimit, nil
	case p.Limit < 0 || p.Limit > maxPageLimit:
		return 0, endpoint.BadRequest("limit must be between 1 and %d", maxPageLimit)
	}
	return int(p.Limit), nil
}

// page cuts out of sorted rows what was asked for. Next is the key of the last
// row when there are more.
func page[T any](p *pageRequest, rows []T, key func(T) string) (some []T, next string, err error) {
	limit, err := p.limit()
	if err != nil {
		return nil, "", err
	}
	first := 0
	if p.After != "" {
		first = len(rows)
		if i := slices.IndexFunc(rows, func(row T) bool { return key(row) > p.After }); i >= 0 {
			first = i
		}
	}
	some = rows[first:]
	if len(some) > limit {
		some = some[:limit]
		next = key(some[limit-1])
	}
	return some, next, nil
}

// contractPage loads the contracts of a page, by name. They are read from
// storage and leave nothing behind: a report neither waits for those who issue
// nor fills the memory with contracts that nobody uses. Limit is how many are
// read, however many of them have something to report.
func (b *backend) contractPage(ctx context.Context, s logical.Storage, p *pageRequest, one func(*contract, *service) error) (next string, err error) {
	if err := b.loadAccounts(ctx, s); err != nil {
		return "", err
	}
	all, err := list(ctx, s, rolesPrefix)
	if err != nil {
		return "", err
	}
	slices.Sort(all)
	names, next, err := page(p, all, func(name string) string { return name })
	if err != nil {
		return "", err
	}
	services := map[string]*service{}
	for _, name := range names {
		c, err := b.loadContract(ctx, s, name)
		if err != nil {
			return "", err
		}
		if c == nil {
			continue // deleted meanwhile
		}
		if _, known := services[c.Service]; !known {
			if services[c.Service], err = b.loadService(ctx, s, c.Service); err != nil {
				return "", err
			}
		}
		if svc := services[c.Service]; svc != nil {
			if err := one(c, svc); err != nil {
				return "", err
			}
		}
	}
	return next, nil
}
