package backend

import (
	"context"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
)

type evidenceRequest struct {
	endpoint.Named
	Report   string  `json:"report" doc:"Id of this report: sent again, it counts once. Required."`
	Caller   string  `json:"caller" doc:"Entity ID of the caller (client_id of its tokens)."`
	Accepted int64   `json:"accepted" doc:"Requests accepted since the last report."`
	Refused  int64   `json:"refused" doc:"Requests refused since the last report."`
	Counts   []count `json:"counts" doc:"Several callers at once: a list of {caller, accepted, refused}."`
}

type count struct {
	Caller   string `json:"caller"`
	Accepted int64  `json:"accepted"`
	Refused  int64  `json:"refused"`
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
		counts = append(counts, count{req.Caller, req.Accepted, req.Refused})
	}
	for _, n := range counts {
		if n.Caller == "" || n.Accepted < 0 || n.Refused < 0 {
			return nil, endpoint.BadRequest("counts need a caller, and numbers that are not negative")
		}
	}
	switch {
	case req.Report == "" || len(req.Report) > 128:
		return nil, endpoint.BadRequest("report is required: an id of at most 128 bytes, which you use again only to send the same report again")
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
		return nil, endpoint.BadRequest("more than %d reports in a day: report less often, with larger counts", maxReports)
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
	if x.stored.Progress.Since.IsZero() {
		return nil // who never got a credential has nothing to show
	}
	told := c.about(kindEvidence)
	told.caller, told.accepted, told.refused = n.Caller, uint64(n.Accepted), uint64(n.Refused)
	if err := b.tell(ctx, told); err != nil {
		return err
	}
	to := c.Report(x.stored.Progress, uint64(n.Accepted), uint64(n.Refused), b.now())
	return b.proceed(ctx, call.Storage, c, n.Caller, x, to)
}
