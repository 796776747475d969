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
	d.after = in.after(d.denied)
	if d.denied >= 0 {
		return d
	}
	d.grant = Grant{
		Subject:    in.subject,
		Audience:   svc.Audience,
		Scopes:     in.scopes,
		TTL:        in.ttl,
		Expiry:     in.expiry,
		Renewable:  svc.Revocation == RevocationStatus && in.expiry.After(f.Now.Add(in.ttl.Duration())),
		Stage:      in.progress.Stage,
		Generation: in.generation.Name,
		OffRamp:    in.inOffRamp(),
	}
	return d
}

// input is what checks look at: the arguments of Decide and what follows from them.
type input struct {
	c   *Contract
	svc *Service
	st  State
	f   Facts

	progress     Progress // settled
	stage        *stage   // nil without stages
	generation   Generation
	generationOK bool
	offered      Scopes // contract ∩ service ∩ stage ∩ off-ramp
	scopes       Scopes // of the grant
	subject      string
	subjectErr   error
	ttl          Seconds
	expiry       time.Time
	outcomes     []outcome // of conditions
}

func (in *input) prepare() {
	in.progress = in.c.settle(in.st.Progress, in.f.Now)
	if in.c.stepped() {
		in.stage = &in.c.stages[in.c.stageOf(in.progress)]
	}
	in.offered = in.c.Scopes.Intersect(in.svc.Scopes)
	if in.stage != nil {
		in.offered = in.offered.Intersect(in.stage.Scopes)
	}
	if in.inOffRamp() && len(in.c.OffRamp.Scopes) > 0 {
		in.offered = in.offered.Intersect(in.c.OffRamp.Scopes)
	}
	presented := in.f.Request.Generation
	switch {
	case in.f.Phase == PhaseRenew:
		in.scopes, presented = in.f.Held.Scopes, in.f.Held.Generation
	case in.f.Request.Scopes != nil:
		in.scopes = in.f.Request.Scopes
	default:
		in.scopes = in.offered
	}
	in.generation, in.generationOK = in.st.Generations.find(presented, in.f.Now)
	in.subject, in.subjectErr = in.c.renderSubject(in.f.Caller, in.f.Limits.TrustDomain)
	in.life()
	in.askConditions()
}

func (in *input) inOffRamp() bool {
	return in.c.OffRamp != nil && !in.f.Now.Before(in.c.OffRampStart())
}

// life works out when the lease and the credential end: the earliest of all
// the limits that apply.
func (in *input) life() {
	now := in.f.Now.Truncate(time.Second)
	longest := least(in.f.Limits.MaxTTL, in.svc.MaxTTL, in.c.MaxTTL)
	if in.f.Phase == PhaseRenew {
		in.expiry = in.f.Held.Expiry
	} else {
		in.expiry = now.Add(longest.Duration())
		in.endBy(in.generation.Until)
	}
	in.endBy(in.c.ExpiresAt)
	if off := in.c.OffRamp; off != nil && !in.inOffRamp() && len(in.scopes.Missing(off.Scopes)) > 0 && len(off.Scopes) > 0 {
		in.endBy(in.c.OffRampStart()) // what it has beyond the off-ramp ends there
	}
	usual := in.c.TTL
	if usual == 0 {
		usual = in.f.Limits.DefaultTTL
	}
	in.ttl = least(longest, usual, in.f.Request.TTL)
	if in.stage != nil {
		in.ttl = least(in.ttl, in.stage.TTL)
	}
	if in.inOffRamp() {
		in.ttl = least(in.ttl, in.c.OffRamp.TTL)
	}
	if left := Seconds(in.expiry.Sub(now) / time.Second); in.ttl > left {
		in.ttl = left
	}
	if in.svc.Revocation == RevocationExpiry {
		in.expiry = now.Add(in.ttl.Duration())
	}
}

func (in *input) endBy(t time.Time) {
	if t = t.Truncate(time.Second); !t.IsZero() && t.Before(in.expiry) {
		in.expiry = t
	}
}

// after is the caller's progress once the decision has been carried out.
// Denials count only when they are about what a caller that is bound to the
// contract asked for.
func (in *input) after(denied int) Progress {
	p := in.progress
	switch {
	case in.stage == nil:
	case denied >= 0 && in.f.Phase == PhaseIssue && checks[denied].fault:
		p = in.c.fault(p, Fault{At: in.f.Now, Denials: 1})
	case denied >= 0:
		p = in.st.Progress
	case in.f.Phase == PhaseIssue:
		p.Issued++
		p.LastUsed = in.f.Now
	default:
		p.LastUsed = in.f.Now
	}
	return p
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
