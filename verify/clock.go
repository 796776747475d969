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

// signedTime is what the issuer said the time was when the clock read at.
type signedTime struct{ said, at time.Time }

func (c *clock) now() time.Time {
	now := c.read()
	if s := c.signed.Load(); s != nil {
		if least := s.said.Add(now.Sub(s.at)); least.After(now) { // at and now have monotonic readings
			return least
		}
	}
	return now
}

// hear takes over what the issuer said in a message received at a time.
func (c *clock) hear(said, at time.Time) { c.signed.Store(&signedTime{said, at}) }
