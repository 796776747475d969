// Package verify is what a service imports to accept ramp tokens. A Verifier
// follows the issuer's keys and revocation feed in the background; verifying a
// token touches no network, but for conditions that are new to it.
package verify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

// Config says whose tokens to accept, and for whom.
type Config struct {
	// Issuer is the issuer URL of the ramp mount, compared byte for byte.
	Issuer string
	// Audience is the name of this service in the aud claim.
	Audience string
	// Origin is scheme and host by which callers name this service
	// ("https://payments.internal"), where requests do not tell because
	// something in front ends TLS. DPoP proofs are checked against it.
	Origin string
	// Endpoints are base URLs to fetch from instead of Issuer, in order of
	// preference: nodes of the cluster, say. They are believed about keys, so
	// they are https, or loopback.
	Endpoints []string
	// Relays are base URLs of relays, asked for the feed before Endpoints.
	// They need no trust: the feed is signed.
	Relays []string
	// Client fetches all of that. Nil means one of its own. It needs no
	// timeout; one below 15 s cuts off followers of relays.
	Client *http.Client
	// MaxStaleness is for how long the issuer may be out of reach before
	// tokens that rely on the feed are refused. Zero means 30 seconds. Without
	// keys every token is refused after an hour.
	MaxStaleness time.Duration
	// AcceptStale accepts tokens beyond MaxStaleness: whoever cuts the service
	// off from the issuer then keeps revoked tokens alive. OnError is told.
	AcceptStale bool
	// Leeway for clocks that disagree. Zero means none: the issuer back-dates
	// nbf already.
	Leeway time.Duration
	// Conditions compiles conditions that contracts have for each request:
	// condition.NewUseCompiler().Compile. Nil refuses tokens that have some.
	Conditions ramp.UseCompiler
	// OnError is told about failures of the background work, in words for a
	// log, and OnRecovery when the feed is followed again, after how long.
	// Nil ignores them: tokens are refused when failures last.
	OnError    func(error)
	OnRecovery func(after time.Duration)
	// Now tells the time. Nil means time.Now.
	Now func() time.Time
}

// Verifier accepts or refuses tokens. It is safe for concurrent use.
type Verifier struct {
	following
	tokens     token.Reader
	dead       revocation.State
	cache      cache
	proofs     proofs
	conditions conditionSets
	counts     counts
	stop       context.CancelFunc
	done       chan struct{}
}

// New fetches keys and feed once, and follows them until ctx ends or Close is
// called. It fails when the issuer cannot be reached.
func New(ctx context.Context, c Config) (*Verifier, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	if c.Audience == "" {
		return nil, errors.New("verify: Config needs Audience")
	}
	v := &Verifier{done: make(chan struct{})}
	v.init(c, func(_ []byte, m *revocation.Feed) error { return v.dead.Apply(m) })
	v.tokens.Keys = v.keys.key
	v.conditions.compile, v.conditions.sources = c.Conditions, v.keys.sources
	if err := v.start(ctx); err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	ctx, v.stop = context.WithCancel(ctx)
	go v.work(ctx)
	return v, nil
}

func (c *Config) complete() error {
	if c.Issuer == "" {
		return errors.New("verify: Config needs Issuer")
	}
	if len(c.Endpoints) == 0 {
		c.Endpoints = []string{c.Issuer}
	}
	for _, u := range c.Endpoints {
		if err := checkBase(u); err != nil {
			return err
		}
	}
	if c.Client == nil {
		c.Client = defaultClient()
	}
	if c.MaxStaleness == 0 {
		c.MaxStaleness = 30 * time.Second
	}
	if c.OnError == nil {
		c.OnError = func(error) {}
	}
	if c.OnRecovery == nil {
		c.OnRecovery = func(time.Duration) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

// work is done in the background until ctx ends.
func (v *Verifier) work(ctx context.Context) {
	defer close(v.done)
	var work sync.WaitGroup
	work.Go(func() { v.follow(ctx) })
	work.Go(func() { v.forget(ctx) })
	work.Wait()
}

// forgetAfter is how long beyond the expiry of all that it killed an event is remembered.
const forgetAfter = time.Hour

// forget drops what killed nothing but tokens that have expired since.
func (v *Verifier) forget(ctx context.Context) {
	for ctx.Err() == nil {
		pause(ctx, time.Minute)
		v.dead.Forget(v.clock.now().Add(-forgetAfter).Unix())
	}
}

// Close stops the background work.
func (v *Verifier) Close() {
	v.stop()
	<-v.done
}

// Verify accepts a token or returns a [*Refusal].
func (v *Verifier) Verify(ctx context.Context, raw string, need Requirements) (*Identity, error) {
	id, err := v.verify(ctx, raw, &need)
	v.counts.add(err)
	return id, err
}

func (v *Verifier) verify(ctx context.Context, raw string, need *Requirements) (*Identity, error) {
	o := v.cache.get(raw)
	known := o != nil
	if known {
		v.counts.known.Add(1)
	} else {
		var err error
		if o, err = v.open(ctx, raw); err != nil {
			return nil, err
		}
	}
	now := v.clock.now() // after open, which may have waited for keys
	id := o.copy()
	id.remote = need.RemoteAddr
	if err := v.alive(o, now); err != nil {
		if known {
			v.cache.drop(raw)
		}
		return nil, about(err, id)
	}
	if !known {
		v.cache.put(raw, o)
	}
	if err := v.meets(ctx, raw, o, need, now); err != nil {
		return nil, about(err, id)
	}
	return id, nil
}

// about says whose token a refusal is about.
func about(err error, id *Identity) error {
	var r *Refusal
	if errors.As(err, &r) {
		r.Identity = id
	}
	return err
}

// open checks what never changes: form, signature, issuer, audience.
func (v *Verifier) open(ctx context.Context, raw string) (*opened, error) {
	h, payload, err := v.tokens.Open(raw, token.TypeAccessToken, token.TypeSVID)
	if errors.Is(err, token.ErrUnknownKey) {
		v.keys.refetch(ctx)
		h, payload, err = v.tokens.Open(raw, token.TypeAccessToken, token.TypeSVID)
	}
	switch {
	case errors.Is(err, token.ErrUnknownKey):
		return nil, v.unknownKey(h.KeyID)
	case errors.Is(err, token.ErrSignature):
		return nil, refuse(Signature, "%v", err)
	case err != nil:
		return nil, refuse(Malformed, "%v", err)
	}
	claims, err := token.ParseClaims(payload)
	if err != nil {
		return nil, refuse(Malformed, "%v", err)
	}
	contract, serial, err := token.ParseID(claims.ID)
	switch {
	case err != nil:
		return nil, refuse(Malformed, "%v", err)
	case claims.Issuer != v.config.Issuer:
		return nil, refuse(WrongIssuer, "the token is from issuer %.200q", claims.Issuer)
	case claims.Audience != v.config.Audience:
		return nil, refuse(Audience, "the token is for %.200q, not for this service", claims.Audience)
	case claims.Subject == "" || claims.ClientID == "":
		return nil, refuse(Malformed, "the token does not say whose it is")
	case !dated(claims.Expiry) || !dated(claims.NotBefore) || !dated(claims.IssuedAt):
		return nil, refuse(Malformed, "the token has not all of exp, nbf and iat, or one that is no possible time")
	}
	o := &opened{
		identity: Identity{
			Subject: claims.Subject, Caller: claims.ClientID, ContractID: contract, Serial: serial, Scopes: strings.Fields(claims.Scope),
			Audience: claims.Audience, IssuedAt: time.Unix(claims.IssuedAt, 0).UTC(), Expiry: claims.ExpiresAt(), TokenID: claims.ID, KeyID: h.KeyID,
		},
		notBefore: time.Unix(claims.NotBefore, 0).UTC(),
		followed:  claims.Status != nil,
		credential: revocation.Credential{
			Contract: contract, Serial: serial, Caller: token.CallerHash(claims.ClientID), IssuedAt: claims.IssuedAt, KeyID: h.KeyID,
		},
	}
	if c := claims.Confirmation; c != nil {
		if c.JKT == "" && c.X5T == "" {
			return nil, refuse(Malformed, "the token is bound to something this library does not know")
		}
		o.confirm, o.identity.ProofKey = *c, c.JKT+c.X5T
	}
	if r := claims.Ramp; r != nil {
		if r.ID != contract || r.Serial != serial {
			return nil, refuse(Malformed, "the token names two contracts or serials")
		}
		o.conditions = r.Conditions
		id := &o.identity
		id.Contract, id.Revision, id.Stage, id.Generation = r.Contract, r.Revision, r.Stage, r.Generation
	}
	return o, nil
}

// dated reports whether a NumericDate is there and before the year 10,000, where
// RFC 3339 ends.
func dated(t int64) bool { return t > 0 && t < 253402300800 }

// unknownKey refuses a key that the issuer does not publish, or no longer.
func (v *Verifier) unknownKey(kid string) error {
	if why := v.dead.Dead(revocation.Credential{KeyID: kid}, 0); why != "" {
		return refuse(Revoked, "the token is dead: %s", why)
	}
	return refuse(UnknownKey, "%v", token.ErrUnknownKey)
}

// alive checks what changes with time, on every call.
func (v *Verifier) alive(o *opened, now time.Time) error {
	id := &o.identity
	switch {
	case !now.Before(id.Expiry.Add(v.config.Leeway)):
		return refuse(Expired, "the token expired at %s", id.Expiry.Format(time.RFC3339))
	case now.Add(v.config.Leeway).Before(o.notBefore):
		return refuse(NotYetValid, "the token is not valid before %s", o.notBefore.Format(time.RFC3339))
	case !v.keys.known(id.KeyID):
		return v.unknownKey(id.KeyID)
	case v.keys.age() > keysGood:
		return refuse(Stale, "the issuer's keys could not be read for %s", v.keys.age().Round(time.Second))
	}
	if why := v.dead.Dead(o.credential, now.Unix()); why != "" {
		return refuse(Revoked, "the token is dead: %s", why)
	}
	if age := v.feed.age(); o.followed && age > v.config.MaxStaleness && !v.config.AcceptStale {
		return refuse(Stale, "the revocation feed has been out of reach for %s, so nobody knows whether the token is alive", age.Round(time.Second))
	}
	return nil
}

// meets checks what the request asks for.
func (v *Verifier) meets(ctx context.Context, raw string, o *opened, need *Requirements, now time.Time) error {
	if err := v.prove(raw, o, &need.Proof, now); err != nil {
		return err
	}
	for _, s := range need.Scopes {
		if !o.identity.HasScope(s) {
			return refuse(Scope, "the request needs scope %q, the token has: %s", s, strings.Join(o.identity.Scopes, " "))
		}
	}
	if o.conditions != "" {
		return v.conditions.ask(ctx, o, need, now)
	}
	return nil
}
