package verify

import (
	"fmt"
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
// are refused now: what a readiness probe asks.
func (v *Verifier) Fresh() error {
	if age := v.feed.age(); age > v.config.MaxStaleness {
		return fmt.Errorf("the revocation feed has been out of reach for %s", age.Round(time.Second))
	}
	if age := v.keys.age(); age > keysGood {
		return fmt.Errorf("the issuer's keys could not be read for %s", age.Round(time.Second))
	}
	return nil
}

// consequence adds to a failure of the background work what it means.
func (v *Verifier) consequence(err error) error {
	left := v.config.MaxStaleness - v.feed.age()
	switch {
	case v.config.AcceptStale && left <= 0:
		return fmt.Errorf("%w; revocations have not been heard of for %s, and tokens are ACCEPTED all the same (AcceptStale)", err, v.feed.age().Round(time.Second))
	case left <= 0:
		return fmt.Errorf("%w; revocations have not been heard of for %s: tokens that rely on them are refused", err, v.feed.age().Round(time.Second))
	}
	return fmt.Errorf("%w; tokens will be refused in %s if this lasts", err, left.Round(time.Second))
}
