package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// State is what is measured rather than counted.
type State struct {
	FeedCursor       uint64
	FollowersWaiting int
	Panics           uint64
	Live             uint64            // credentials
	Entries          map[string]uint64 // kept in memory, by what they are; names from a fixed set
	Keys             []Key
	Ledger           *Ledger // nil: there is no ledger
}

// Key is the age of one signing key set.
type Key struct {
	Name string
	Age  time.Duration  // of the key that signs
	Due  *time.Duration // until it is rotated; nil: never on its own
}

// Ledger is how far the journal is behind.
type Ledger struct {
	Waiting int           // entries not stored yet
	Lag     time.Duration // age of the oldest of them
	Size    int64         // entries in the ledger
	Skipped uint64        // entries that found no room
	Damaged bool          // nothing can be appended
}

// maxKeys bounds the series of key sets.
const maxKeys = 500

type stateCollector struct {
	version string
	state   func() State

	info, cursor, waiting, panics, live, entries, keyAge, keyDue, ledgerWaiting, ledgerLag, ledgerSize, ledgerSkipped, ledgerDamaged *prometheus.Desc
}

func newStateCollector(version string, state func() State) *stateCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &stateCollector{
		version: version, state: state,
		info:          desc("ramp_build_info", "Always 1; the version is the label.", "version"),
		cursor:        desc("ramp_feed_cursor", "Cursor of the revocation feed; 0 until it is opened."),
		waiting:       desc("ramp_feed_followers_waiting", "Followers of the feed that wait for news."),
		panics:        desc("ramp_panics_total", "Requests that hit a defect of the engine."),
		live:          desc("ramp_credentials_live", "Credentials that are neither dead nor expired."),
		entries:       desc("ramp_state_entries", "What the engine keeps in memory, by kind.", "kind"),
		keyAge:        desc("ramp_key_age_seconds", "Age of the key that signs, by key set.", "key"),
		keyDue:        desc("ramp_key_rotation_due_seconds", "Time until the key is rotated, negative when overdue; absent when it never is.", "key"),
		ledgerWaiting: desc("ramp_ledger_waiting_entries", "Ledger entries that are not stored yet."),
		ledgerLag:     desc("ramp_ledger_lag_seconds", "Age of the oldest ledger entry that is not stored yet."),
		ledgerSize:    desc("ramp_ledger_entries", "Entries in the ledger."),
		ledgerSkipped: desc("ramp_ledger_skipped_total", "Ledger entries that found no room; leases bring back those of credentials."),
		ledgerDamaged: desc("ramp_ledger_damaged", "1 when storage does not hold what the ledger has signed, and nothing can be appended."),
	}
}

// Describe implements prometheus.Collector.
func (c *stateCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.info, c.cursor, c.waiting, c.panics, c.live, c.entries, c.keyAge, c.keyDue, c.ledgerWaiting, c.ledgerLag, c.ledgerSize, c.ledgerSkipped, c.ledgerDamaged} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *stateCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.state()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(c.info, 1, c.version)
	gauge(c.cursor, float64(s.FeedCursor))
	gauge(c.waiting, float64(s.FollowersWaiting))
	ch <- prometheus.MustNewConstMetric(c.panics, prometheus.CounterValue, float64(s.Panics))
	gauge(c.live, float64(s.Live))
	for kind, n := range s.Entries {
		gauge(c.entries, float64(n), kind)
	}
	for _, k := range s.Keys[:min(len(s.Keys), maxKeys)] {
		gauge(c.keyAge, k.Age.Seconds(), k.Name)
		if k.Due != nil {
			gauge(c.keyDue, k.Due.Seconds(), k.Name)
		}
	}
	if s.Ledger != nil {
		gauge(c.ledgerWaiting, float64(s.Ledger.Waiting))
		gauge(c.ledgerLag, s.Ledger.Lag.Seconds())
		gauge(c.ledgerSize, float64(s.Ledger.Size))
		ch <- prometheus.MustNewConstMetric(c.ledgerSkipped, prometheus.CounterValue, float64(s.Ledger.Skipped))
		damaged := 0.0
		if s.Ledger.Damaged {
			damaged = 1
		}
		gauge(c.ledgerDamaged, damaged)
	}
}
