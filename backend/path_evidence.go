package backend

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
)

type evidenceRequest struct {
	endpoint.Named
	Report   string  `json:"report" doc:"Id of this report: sent again, it counts once. Required."`
	Caller   string  `json:"caller" doc:"Entity ID of the caller (client_id of its tokens)."`
	Accepted int64   `json:"accepted" doc:"Requests accepted since the last report."`
	Refused  int64   `json:"refused" doc:"Requests refused since the last report."`
	Counts   []count `json:"counts" doc:"Several callers at once: a list of {caller, accepted, refused, scopes}."`

	Scopes map[string]string `json:"scopes" doc:"Of the requests accepted, how many used each scope: scope=count pairs. With it report/idle finds scopes that nobody uses."`
}

type count struct {
	Caller   string `json:"caller"`
	Accepted int64  `json:"accepted"`
	Refused  int64  `json:"refused"`
	// Scopes counts the accepted requests that used each scope.
	Scopes map[string]int64 `json:"scopes,omitempty"`
}

func (b *backend) pathEvidence() endpoint.Path {
	return endpoint.Path{
		Pattern:  "evidence/" + name(),
		Suffix:   "evidence",
		Verb:     "report",
		Synopsis: "The service side reports how a caller behaves.",
		Help:     "Accepted requests lead up the ramp, refused ones down. Let the policy of the service side update this path, and that of no caller.",
		Write:    endpoint.Handle("Report accepted and refused requests.", b.takeEvidence),
	}
}

func (b *backend) takeEvidence(ctx context.Context, call *endpoint.Call, req *evidenceRequest) (*endpoint.Nothing, error) {
	counts := req.Counts
	if req.Caller != "" {
		used, err := countsOf(req.Scopes)
		if err != nil {
			return nil, err
		}
		counts = append(counts, count{req.Caller, req.Accepted, req.Refused, used})
	}
	for _, n := range counts {
		if !entityID.MatchString(n.Caller) || n.Accepted < 0 || n.Refused < 0 || slices.ContainsFunc(slices.Collect(maps.Values(n.Scopes)), negative) {
			return nil, endpoint.BadRequest("counts need a caller (an entity ID), and numbers that are not negative")
		}
	}
	switch {
	case req.Report == "" || len(req.Report) > 128:
		return nil, endpoint.BadRequest("report is required: an id of at most 128 bytes, which you use again only to send the same report again")
	case req.Scopes != nil && req.Caller == "":
		return nil, endpoint.BadRequest("scopes are those of one caller: name it, or give them in counts")
	case len(counts) == 0 || len(counts) > 1000:
		return nil, endpoint.BadRequest("give caller and accepted or refused, or counts of at most 1000 callers")
	}
	c, done, err := b.contracts.read(ctx, call.Storage, req.Name)
	defer done()
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, endpoint.NotFound("there is no contract %q", req.Name)
	}
	c.standings.evidence.Lock()
	defer c.standings.evidence.Unlock()
	counted, err := get[reports](ctx, call.Storage, evidencePrefix+c.ID)
	if err != nil {
		return nil, err
	}
	if counted == nil {
		counted = &reports{}
	}
	if counted.has(req.Report) {
		return nil, nil
	}
	after, ok := counted.with(req.Report, b.now())
	if !ok {
		return nil, endpoint.BadRequest("more than %d reports in an hour: report less often, with larger counts", maxReports)
	}
	// Remembered first: a crash may lose a report, it never counts one twice.
	if err := put(ctx, call.Storage, evidencePrefix+c.ID, after); err != nil {
		return nil, err
	}
	for _, n := range counts {
		if err := b.count(ctx, call, c, n); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (b *backend) count(ctx context.Context, call *endpoint.Call, c *contract, n count) error {
	x, err := b.lockStanding(ctx, call.Storage, c, n.Caller)
	if err != nil {
		return err
	}
	defer x.unlock()
	told := c.about(kindEvidence)
	told.caller, told.accepted, told.refused, told.accepts = n.Caller, uint64(n.Accepted), uint64(n.Refused), c.granted(call, n.Scopes)
	if err := b.tell(ctx, told); err != nil {
		return err
	}
	if x.stored.Progress.Since.IsZero() {
		return nil // who never got a credential, or climbs no ramp, has nothing to show
	}
	to := c.Report(x.stored.Progress, uint64(n.Accepted), uint64(n.Refused), b.now())
	return b.proceed(ctx, call.Storage, c, n.Caller, x, to)
}

// granted are the counts of scopes that the contract grants. Others are not
// kept: an edit may have taken them away, and nobody can make the engine
// remember made-up ones.
func (c *contract) granted(call *endpoint.Call, used map[string]int64) map[string]uint64 {
	kept := make(map[string]uint64, len(used))
	for scope, n := range used {
		if c.Scopes.Has(scope) {
			kept[scope] = uint64(n)
		} else if len(call.Warnings) < 10 {
			call.Warn("scope %.80q is not one of the contract's: its requests are not counted", scope)
		}
	}
	return kept
}

func countsOf(pairs map[string]string) (map[string]int64, error) {
	counts := make(map[string]int64, len(pairs))
	for scope, text := range pairs {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, endpoint.BadRequest("scopes: give scope=count pairs, with whole numbers")
		}
		counts[scope] = n
	}
	return counts, nil
}

func negative(n int64) bool { return n < 0 }
