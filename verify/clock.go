package verify

import (
	"sync/atomic"
	"time"
)

// clock tells the time, and takes the issuer's signed word for it that it is
// not earlier: a clock that was stepped back revives no expired token.
type clock struct {
	read   func() time.Time
	signed atomic.Pointer[signedTime]
}

// signedTime is what the issuer said the time was before the clock read at.
type signedTime struct{ said, at time.Time }

func (c *clock) now() time.Time { return c.at(c.read()) }

// at is the time when the clock reads now.
func (c *clock) at(now time.Time) time.Time {
	if s := c.signed.Load(); s != nil {
		if least := s.said.Add(max(now.Sub(s.at), 0)); least.After(now) { // at and now have monotonic readings
			return least
		}
	}
	return now
}

// hear takes over what the issuer said in a message received at a time. What
// it said before counts no longer, so that a clock that runs fast is put right;
// what it said again counts from the first time, so that a message that is
// replayed does not stop the clock.
func (c *clock) hear(said, at time.Time) {
	if s := c.signed.Load(); s == nil || said.After(s.said) || at.Before(s.at) && said.Equal(s.said) {
		c.signed.Store(&signedTime{said, at})
	}
}

// since is the time that has passed. The monotonic clock stands still while a
// machine sleeps, and the wall clock may be stepped back: the larger counts.
func (c *clock) since(then time.Time) time.Duration {
	now := c.read()
	return max(now.Sub(then), now.Round(0).Sub(then.Round(0)))
}
