package egress

import (
	"sync/atomic"
	"time"
)

// Stats is what a transport has done and holds, for metrics.
type Stats struct {
	Requests uint64        // for the upstream
	Repeated uint64        // because the credential was dead
	Fetched  uint64        // credentials
	Renewed  uint64        // leases
	Failed   uint64        // attempts to fetch or renew
	Left     time.Duration // of the lease; 0 without a credential
}

type counts struct{ requests, repeated, fetched, renewed, failed atomic.Uint64 }

// Stats returns the numbers of this moment.
func (t *Transport) Stats() Stats {
	c := t.counts
	s := Stats{
		Requests: c.requests.Load(), Repeated: c.repeated.Load(),
		Fetched: c.fetched.Load(), Renewed: c.renewed.Load(), Failed: c.failed.Load(),
	}
	if h := t.keeper.state.Load().held; h != nil {
		s.Left = max(time.Until(h.end()), 0)
	}
	return s
}
