package egress

import (
	"math/rand/v2"
	"time"
)

const (
	patience     = 10 * time.Second // of a request that waits for a credential, and of a call to the source
	firstRetry   = 250 * time.Millisecond
	longestRetry = 10 * time.Second
)

// rest is how long to leave a credential alone: to about 2/3 of its TTL when
// it can be renewed, else to about 85 %. Both are spread, so that proxies that
// started together do not ask together.
func rest(ttl time.Duration, renewable bool) time.Duration {
	if renewable {
		return spread(ttl*56/100, ttl*67/100)
	}
	return spread(ttl*80/100, ttl*90/100)
}

// backoff is how long to wait after the nth failure in a row, from 0 on.
func backoff(n int) time.Duration {
	longest := longestRetry
	if n < 6 {
		longest = min(longest, firstRetry<<n)
	}
	return spread(longest/2, longest)
}

func spread(from, to time.Duration) time.Duration {
	return from + rand.N(to-from+1) //nolint:gosec // nobody gains by guessing when we ask
}
