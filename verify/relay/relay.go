// Package relay passes an issuer's revocation feed on to thousands of
// verifiers, and its public documents with it. Messages of the feed are signed,
// so a relay needs no trust; it checks all the same that it passes nothing on
// that is not from the issuer.
package relay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

// Config says what to pass on.
type Config struct {
	// Issuer is the issuer URL of the ramp mount. The relay answers on the
	// same path, on its own host.
	Issuer string
	// Endpoints and Relays are where to follow, as in verify.Config.
	Endpoints, Relays []string
	// Client fetches. Nil means one of its own.
	Client *http.Client
	// MaxWait is how long followers may wait for news. Zero means 20 seconds.
	MaxWait time.Duration
	// MaxWaiting is how many may wait at the same time; others are answered at
	// once. Zero means 20,000.
	MaxWaiting int
	// Files says what to write as static files.
	Files Files
	// OnError is told about failures, in words for a log, and OnRecovery when
	// the feed is followed again, after how long. Nil ignores them.
	OnError    func(error)
	OnRecovery func(after time.Duration)
}

// stale is when a relay without news from the issuer reports itself unhealthy.
// Followers find that out for themselves, by the signed time of what they get.
const stale = 10 * time.Second

// Relay follows an issuer and serves what it says. It is safe for concurrent use.
type Relay struct {
	config   Config
	path     string // of the issuer URL
	follower *verify.Follower
	history  history
	cache    cache
	due      due
	metrics  *metrics
	flights  singleflight.Group
	waiting  atomic.Int64
	strange  map[*document]*rate.Limiter // documents of a kind nobody has asked for lately
	closed   chan struct{}
}

// New prepares a relay, which serves nothing before Run.
func New(c Config) (*Relay, error) {
	if strings.HasSuffix(c.Issuer, "/") {
		return nil, fmt.Errorf("the issuer URL %.200q must not end with /", c.Issuer)
	}
	u, err := url.Parse(c.Issuer)
	if err != nil || u.Host == "" || u.Path != "" && path.Clean(u.Path) != u.Path || strings.ContainsAny(u.Path, "{}") {
		return nil, errors.New("the relay needs the issuer URL of a ramp mount, such as https://vault.example.com:8200/v1/ramp")
	}
	if c.MaxWait < 0 || c.MaxWaiting < 0 || c.Files.Every < 0 {
		return nil, errors.New("the relay's limits and times must not be negative")
	}
	if c.MaxWait == 0 {
		c.MaxWait = 20 * time.Second
	}
	if c.MaxWaiting == 0 {
		c.MaxWaiting = 20_000
	}
	if c.Files.Every == 0 {
		c.Files.Every = time.Minute
	}
	for _, id := range c.Files.Contracts {
		if !contractID.MatchString(id) {
			return nil, fmt.Errorf("%.80q is not the id of a contract: vault read -field=id <mount>/roles/<name> says it", id)
		}
	}
	if c.OnError == nil {
		c.OnError = func(error) {}
	}
	r := &Relay{config: c, path: u.Path, strange: make(map[*document]*rate.Limiter), closed: make(chan struct{})}
	for i := range documents {
		r.strange[&documents[i]] = rate.NewLimiter(100, 200) // who makes up contracts keeps nobody from the keys
	}
	r.history.grown = make(chan struct{})
	r.follower, err = verify.NewFollower(verify.Config{
		Issuer: c.Issuer, Endpoints: c.Endpoints, Relays: c.Relays, Client: c.Client,
		MaxStaleness: stale, OnError: c.OnError, OnRecovery: c.OnRecovery,
	}, r.take)
	r.metrics = newMetrics(r)
	return r, err
}

// Run follows the issuer until ctx ends. Followers that wait are answered then.
func (r *Relay) Run(ctx context.Context) {
	defer close(r.closed)
	var work sync.WaitGroup
	work.Go(func() { r.follower.Run(ctx) })
	if r.config.Files.Dir != "" {
		work.Go(func() { r.writeFiles(ctx) })
	}
	work.Wait()
}

func (r *Relay) take(raw []byte, m *revocation.Feed) {
	r.history.add(&message{raw: raw, after: m.After, cursor: m.Cursor, snapshot: m.Snapshot, heard: time.Now()})
	if r.config.Files.Dir != "" {
		r.due.hear(m, time.Now())
	}
}
