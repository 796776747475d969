package ramp

import (
	"time"
)

// Decide reports what contract c grants the caller described by f. It reads no
// clock, storage or network. It makes every check even after one failed, so
// that a decision can be explained in full; the first failure is the denial.
func Decide(c *Contract, svc *Service, st State, f Facts) Decision {
	d := Decision{denied: -1, in: input{c: c, svc: svc, st: st, f: f}}
	in := &d.in
	in.prepare()
	for i := range checks {
		d.passed[i] = checks[i].holds(in)
		if !d.passed[i] && d.denied < 0 {
			d.denied = i
		}
	}
	if d.denied < 0 {
		d.grant = Grant{
			Subject:   in.subject,
			Audience:  svc.Audience,
			Scopes:    in.scopes,
			TTL:       in.ttl,
			Expiry:    in.expiry,
			Renewable: svc.Revocation == RevocationStatus && in.expiry.After(f.Now.Add(seconds(in.ttl))),
		}
	}
	return d
}

// input is what checks look at: the arguments of Decide and what follows from them.
type input struct {
	c   *Contract
	svc *Service
	st  State
	f   Facts

	offered    Scopes // contract ∩ service
	scopes     Scopes // of the grant
	subject    string
	subjectErr error
	ttl        Seconds
	expiry     time.Time
}

func (in *input) prepare() {
	in.offered = in.c.Scopes.Intersect(in.svc.Scopes)
	switch {
	case in.f.Phase == PhaseRenew:
		in.scopes = in.f.Held.Scopes
	case in.f.Request.Scopes != nil:
		in.scopes = in.f.Request.Scopes
	default:
		in.scopes = in.offered
	}
	in.subject, in.subjectErr = in.c.renderSubject(in.f.Caller, in.f.Limits.TrustDomain)
	in.life()
}

// life works out when the lease and the credential end: the earliest of all
// the limits that apply.
func (in *input) life() {
	now := in.f.Now.Truncate(time.Second)
	longest := least(in.f.Limits.MaxTTL, in.svc.MaxTTL, in.c.MaxTTL)
	if in.f.Phase == PhaseRenew {
		in.expiry = in.f.Held.Expiry
	} else {
		in.expiry = now.Add(seconds(longest))
	}
	if end := in.c.ExpiresAt; !end.IsZero() && end.Before(in.expiry) {
		in.expiry = end
	}
	usual := in.c.TTL
	if usual == 0 {
		usual = in.f.Limits.DefaultTTL
	}
	left := Seconds(in.expiry.Sub(now) / time.Second)
	in.ttl = least(longest, usual, in.f.Request.TTL)
	if in.ttl > left {
		in.ttl = left
	}
	if in.svc.Revocation == RevocationExpiry {
		in.expiry = now.Add(seconds(in.ttl))
	}
}

func (c *Contract) renderSubject(caller *Caller, trustDomain string) (string, error) {
	switch {
	case caller == nil:
		return "", nil // another check denies
	case c.subject == nil:
		return "spiffe://" + trustDomain + "/entity/" + caller.ID, nil
	}
	return c.subject.Render(caller)
}

// least returns the smallest limit; zero means no limit.
func least(limits ...Seconds) Seconds {
	var m Seconds
	for _, l := range limits {
		if l > 0 && (m == 0 || l < m) {
			m = l
		}
	}
	return m
}

func seconds(s Seconds) time.Duration { return time.Duration(s) * time.Second }
