// Package verify is what a service imports to accept ramp tokens. A Verifier
// follows the issuer's keys and revocation feed in the background; verifying a
// token touches no network.
package verify

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

// Config says whose tokens to accept, and for whom.
type Config struct {
	// Issuer is the issuer URL of the ramp mount, compared byte for byte.
	Issuer string
	// Audience is the name of this service in the aud claim.
	Audience string
	// Client fetches keys and feed. Nil means a client with a 10 s timeout.
	Client *http.Client
	// MaxStaleness is for how long the feed may be out of reach before
	// tokens that rely on it are refused. Zero means 30 seconds.
	MaxStaleness time.Duration
	// Leeway for clocks that disagree. Zero means none: the issuer back-dates
	// nbf already.
	Leeway time.Duration
	// OnError is told about failures of the background work. Nil ignores
	// them: tokens are refused when they last.
	OnError func(error)
}

// Verifier accepts or refuses tokens. It is safe for concurrent use.
type Verifier struct {
	config Config
	keys   keySource
	feed   follower
	stop   context.CancelFunc
	done   chan struct{}
	now    func() time.Time
}

// New fetches keys and feed once, and follows them until ctx ends or Close is
// called. It fails when the issuer cannot be reached.
func New(ctx context.Context, c Config) (*Verifier, error) {
	if c.Issuer == "" || c.Audience == "" {
		return nil, errors.New("verify: Config needs Issuer and Audience")
	}
	if c.Client == nil {
		c.Client = &http.Client{Timeout: 10 * time.Second}
	}
	if c.MaxStaleness == 0 {
		c.MaxStaleness = 30 * time.Second
	}
	if c.OnError == nil {
		c.OnError = func(error) {}
	}
	v := &Verifier{config: c, done: make(chan struct{}), now: time.Now}
	v.keys.init(c.Client, c.Issuer)
	if err := v.keys.refresh(ctx); err != nil {
		return nil, err
	}
	v.feed.init(c.Client, c.Issuer, &v.keys, &revocation.State{})
	if err := v.feed.poll(ctx, 0); err != nil {
		return nil, err
	}
	ctx, v.stop = context.WithCancel(ctx)
	go v.follow(ctx)
	return v, nil
}

// Close stops the background work.
func (v *Verifier) Close() {
	v.stop()
	<-v.done
}

func (v *Verifier) follow(ctx context.Context) {
	defer close(v.done)
	for ctx.Err() == nil {
		asked, cursor := time.Now(), v.feed.at()
		err := v.feed.poll(ctx, time.Second)
		if err == nil && v.keys.old(v.now()) {
			err = v.keys.refresh(ctx)
		}
		if err != nil && ctx.Err() == nil {
			v.config.OnError(err)
		}
		quick := v.feed.at() == cursor && time.Since(asked) < time.Second/2
		if err != nil || quick { // an issuer with too many followers does not let them wait
			select {
			case <-ctx.Done():
			case <-time.After(jittered(time.Second)):
			}
		}
	}
}

// Requirements is what a request needs of its token.
type Requirements struct {
	// Scopes that the token must have, all of them.
	Scopes []string
	// ProvenKey is the JWK SHA-256 thumbprint (or the certificate's SHA-256
	// thumbprint) of the key that the caller proved to have, "" for none.
	ProvenKey string
}

// Identity is who a valid token speaks for, and what it may do.
type Identity struct {
	token.Claims
	KeyID string
}

// Scopes of the token.
func (i *Identity) Scopes() []string { return strings.Fields(i.Scope) }

// Verify accepts a token or returns a [*Refusal].
func (v *Verifier) Verify(ctx context.Context, raw string, need Requirements) (*Identity, error) {
	h, err := token.ParseHeader(raw)
	if err != nil {
		return nil, refuse(Malformed, "%v", err)
	}
	if h.Type != token.TypeAccessToken && h.Type != token.TypeSVID {
		return nil, refuse(Malformed, "the token has typ %.40q, not that of an access token or a JWT-SVID", h.Type)
	}
	if !v.keys.known(h.KeyID) {
		v.keys.refetch(ctx, v.now())
	}
	h, payload, err := token.Open(raw, v.keys.key, token.TypeAccessToken, token.TypeSVID)
	switch {
	case errors.Is(err, token.ErrUnknownKey):
		return nil, refuse(UnknownKey, "%v", err)
	case err != nil:
		return nil, refuse(Signature, "%v", err)
	}
	claims, err := token.ParseClaims(payload)
	if err != nil {
		return nil, refuse(Malformed, "%v", err)
	}
	id := &Identity{*claims, h.KeyID}
	if err := v.check(id, need); err != nil {
		return nil, err
	}
	return id, nil
}

// check judges the claims of a token whose signature is good.
func (v *Verifier) check(id *Identity, need Requirements) error {
	now := v.now()
	switch {
	case id.Issuer != v.config.Issuer:
		return refuse(WrongIssuer, "the token is from issuer %.200q", id.Issuer)
	case id.Audience != v.config.Audience:
		return refuse(Audience, "the token is for %.200q, not for this service", id.Audience)
	case !now.Before(time.Unix(id.Expiry, 0).Add(v.config.Leeway)):
		return refuse(Expired, "the token expired at %s", id.ExpiresAt().Format(time.RFC3339))
	case now.Add(v.config.Leeway).Before(time.Unix(id.NotBefore, 0)):
		return refuse(NotYetValid, "the token is not valid before %s", time.Unix(id.NotBefore, 0).UTC().Format(time.RFC3339))
	}
	contract, serial, err := token.ParseID(id.ID)
	if err != nil {
		return refuse(Malformed, "%v", err)
	}
	if id.Status != nil {
		if age := now.Sub(v.feed.heard()); age > v.config.MaxStaleness {
			return refuse(Stale, "the revocation feed has been out of reach for %s, so nobody knows whether the token is alive", age.Round(time.Second))
		}
	}
	why := v.feed.state.Dead(revocation.Credential{
		Contract: contract, Serial: serial, Caller: token.CallerHash(id.ClientID), IssuedAt: id.IssuedAt, KeyID: id.KeyID,
	}, now.Unix())
	if why != "" {
		return refuse(Revoked, "the token is dead: %s", why)
	}
	if id.Ramp != nil && id.Ramp.Conditions != "" {
		return refuse(Conditions, "the contract has conditions for each request, which this verifier cannot ask")
	}
	if cnf := id.Confirmation; cnf != nil && (need.ProvenKey == "" || need.ProvenKey != cnf.JKT && need.ProvenKey != cnf.X5T) {
		return refuse(Proof, "the token is bound to a key, and the caller did not prove to have it")
	}
	have := id.Scopes()
	for _, s := range need.Scopes {
		if !slices.Contains(have, s) {
			return refuse(Scope, "the request needs scope %q, the token has: %s", s, id.Scope)
		}
	}
	return nil
}
