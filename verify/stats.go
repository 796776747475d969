package verify

import (
	"sync/atomic"
	"time"
)

// Stats is what a verifier has done and knows, for metrics.
type Stats struct {
	Accepted     uint64
	Refused      map[Reason]uint64 // each of Reasons
	Known        uint64            // tokens found in the cache
	CachedTokens int
	FeedCursor   uint64
	FeedAge      time.Duration // for how long deaths may be unknown
	FeedFailures int           // polls in a row that failed
	KeysAge      time.Duration
	Keys         int
}

type counts struct {
	accepted, known atomic.Uint64
	refused         [len(Reasons)]atomic.Uint64
}

func (c *counts) add(err error) {
	if err == nil {
		c.accepted.Add(1)
		return
	}
	reason := RefusalOf(err).Reason
	for i, r := range Reasons {
		if r == reason {
			c.refused[i].Add(1)
		}
	}
}

// Stats returns the numbers of this moment.
func (v *Verifier) Stats() Stats {
	k := v.feed.known()
	s := Stats{
		Accepted: v.counts.accepted.Load(), Known: v.counts.known.Load(), Refused: make(map[Reason]uint64, len(Reasons)), CachedTokens: v.cache.size(),
		FeedCursor: k.cursor, FeedAge: v.feed.age(), FeedFailures: k.fails, KeysAge: v.keys.age(), Keys: len(v.keys.set.Load().keys),
	}
	for i, r := range Reasons {
		s.Refused[r] = v.counts.refused[i].Load()
	}
	return s
}

// Fresh returns nil, or an error that says why tokens that rely on the feed
// are refused now: what a readiness probe asks. With AcceptStale they are not.
func (v *Verifier) Fresh() error { return v.fresh() }
