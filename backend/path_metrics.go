package backend

import (
	"context"
	"strconv"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/metrics"
)

func (b *backend) pathMetrics() endpoint.Path {
	return endpoint.Path{
		Pattern:  "metrics",
		Suffix:   "metrics",
		Synopsis: "Metrics of the mount, for Prometheus.",
		Help:     "Prometheus text format. Counters begin at zero when the plugin starts. Needs a token: give the scraper a policy that reads this path alone.",
		Read: endpoint.Handle("Read the metrics of the mount.", func(ctx context.Context, call *endpoint.Call, _ *endpoint.None) (*endpoint.Text, error) {
			if err := b.loadAccounts(ctx, call.Storage); err != nil {
				return nil, err
			}
			text, err := b.metrics.Text()
			return &endpoint.Text{Raw: endpoint.Raw{ContentType: metrics.ContentType, Body: text}}, err
		}),
	}
}

// measured is the state that metrics show.
func (b *backend) measured() metrics.State {
	now := b.now()
	s := metrics.State{Panics: b.panics.Load(), Live: b.accounts.Live(now), Entries: map[string]uint64{
		"contracts": uint64(len(b.contracts.names())),
		"services":  uint64(len(b.services.names())),
	}}
	b.feed.measure(&s)
	b.suspensions.measure(&s)
	b.lists.measure(&s)
	if b.recording.Load() {
		is := b.journal.Status()
		s.Ledger = &metrics.Ledger{Waiting: is.Waiting, Lag: is.Lag, Size: is.Size, Skipped: is.Skipped, Damaged: is.Damage != nil}
	}
	for _, name := range b.keys.Names() {
		set := b.keys.Set(name)
		if set == nil {
			continue // deleted meanwhile
		}
		k := metrics.Key{Name: name, Age: now.Sub(set.Signs(now).ActivatesAt)}
		if due := set.DueAt(); !due.IsZero() {
			left := due.Sub(now)
			k.Due = &left
		}
		s.Keys = append(s.Keys, k)
	}
	return s
}

func (f *feed) measure(s *metrics.State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.FeedCursor, s.FollowersWaiting = f.cursor, f.waiting
	s.Entries["feed_events"] = uint64(len(f.events))
}

func (x *suspensions) measure(s *metrics.State) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	s.Entries["suspended_callers"] = uint64(len(x.list))
}

func (l *signedLists) measure(s *metrics.State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.Entries["status_lists"] = uint64(len(l.list))
}

// observer counts requests as they go by.
type observer struct{ *backend }

// Report implements endpoint.Observer.
func (o observer) Report(req *logical.Request, err error) { o.report(req, err) }

// Served implements endpoint.Observer.
func (o observer) Served(name string, op logical.Operation, status int, took time.Duration) {
	o.metrics.Served(name, string(op), statusText(status), took)
}

// statusText spares the most frequent statuses an allocation.
func statusText(status int) string {
	if status == 200 {
		return "200"
	}
	return strconv.Itoa(status)
}
