package verify

import (
	"context"
	"errors"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
)

// Follower follows an issuer without verifying tokens: what a relay is made of.
type Follower struct{ following }

// NewFollower prepares to follow; Audience, Origin, Leeway and Conditions of
// the Config mean nothing. take is called with each message, which is from the
// issuer and does not go back: raw is its compact JWS. Calls do not overlap.
func NewFollower(c Config, take func(raw []byte, m *revocation.Feed)) (*Follower, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	f := &Follower{following{relays: true}}
	f.init(c, func(raw []byte, m *revocation.Feed) error { take(raw, m); return nil })
	return f, nil
}

// Run follows until ctx ends. When the issuer is out of reach it tries again and again.
func (f *Follower) Run(ctx context.Context) { f.follow(ctx) }

// Fresh returns nil, or an error that says for how long the issuer was out of reach.
func (f *Follower) Fresh() error { return f.fresh() }

// Age is for how long deaths may be unknown.
func (f *Follower) Age() time.Duration { return f.feed.age() }

// Stands returns the cursor and how many polls in a row failed.
func (f *Follower) Stands() (cursor uint64, failures int) {
	k := f.feed.known()
	return k.cursor, k.fails
}

// Open checks that the issuer signed raw, with this typ header, and returns its payload.
func (f *Follower) Open(ctx context.Context, raw []byte, typ string) ([]byte, error) {
	return f.keys.open(ctx, string(raw), maxFeed, typ)
}

// Snapshot reads a snapshot of the feed from the first source that has one. It moves nothing.
func (f *Follower) Snapshot(ctx context.Context) ([]byte, *revocation.Feed, error) {
	var all []error
	for _, source := range f.feed.urls {
		raw, m, _, err := f.feed.ask(ctx, source, 0, 0)
		if err == nil && m.Snapshot {
			return raw, m, nil
		}
		all = append(all, err)
	}
	return nil, nil, errors.Join(all...)
}

// Document reads a document of the issuer, such as "/bundle", from the first
// endpoint that has one that check accepts. An error is [ErrNotFound] when an
// endpoint says that there is none.
func (f *Follower) Document(ctx context.Context, path string, check func(body []byte) error) ([]byte, error) {
	var document []byte
	err := f.keys.sources.first(ctx, path, maxDocument, func(body []byte) error {
		document = body
		return check(body)
	})
	return document, err
}

// CheckKeys returns an error when a JWKS has no key that verifies ramp tokens.
func CheckKeys(jwks []byte) error {
	_, err := readKeys(jwks)
	return err
}
