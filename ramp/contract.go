package ramp

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Terms is what people agree on: the fields of a contract as they are written
// and stored. Any change to them is a new revision.
type Terms struct {
	Service             string            `json:"service" doc:"Name of the service the contract gives access to. Required."`
	CredentialType      string            `json:"credential_type" doc:"Kind of credential to mint. Default: jwt."`
	Credential          map[string]string `json:"credential,omitempty" doc:"Settings of the credential type. For jwt: profile (access_token or jwt_svid) and key (a name under keys/)."`
	Scopes              Scopes            `json:"scopes" doc:"Scopes granted; each must be offered by the service. Required."`
	BoundEntityIDs      []string          `json:"bound_entity_ids,omitempty" doc:"The caller is one of these Vault entities."`
	BoundEntityNames    []string          `json:"bound_entity_names,omitempty" doc:"The caller's entity has one of these names."`
	BoundGroups         []string          `json:"bound_groups,omitempty" doc:"The caller belongs to one of these identity groups, by ID or name."`
	BoundEntityMetadata map[string]string `json:"bound_entity_metadata,omitempty" doc:"The caller's entity has all of this metadata."`
	BoundAliasMetadata  map[string]string `json:"bound_alias_metadata,omitempty" doc:"Every alias of the caller has all of this metadata or custom metadata."`
	BoundAuthMounts     []string          `json:"bound_auth_mounts,omitempty" doc:"Every alias of the caller is on one of these auth mount accessors."`
	BoundCIDRs          []string          `json:"bound_cidrs,omitempty" doc:"The caller asks from an address in one of these CIDR blocks."`
	Subject             string            `json:"subject,omitempty" doc:"Template of the sub claim in Vault's identity template syntax. Default: spiffe://<trust_domain>/entity/<entity id>."`
	TTL                 Seconds           `json:"ttl,omitempty" doc:"Life of a credential between renewals. Default: the mount's config default_ttl."`
	MaxTTL              Seconds           `json:"max_ttl,omitempty" doc:"Longest life of a credential, renewals included; at most the service's max_ttl, which is the default."`
	NotBefore           time.Time         `json:"not_before,omitzero" doc:"RFC 3339 time before which nothing is issued."`
	ExpiresAt           time.Time         `json:"expires_at,omitzero" doc:"RFC 3339 time at which the contract ends; no credential outlives it."`
	Conditions          []ConditionTerms  `json:"conditions,omitempty" doc:"CEL conditions: a list of {name, expression, on}, where on lists issue, renew, request (default: issue and renew). False or an error denies."`
	Stages              []StageTerms      `json:"stages,omitempty" doc:"The ramp: an ordered list of {name, scopes, ttl, max_active, conditions, advance: {after, issued, accepted, approval}, retreat: {denials, refusals, within}, idle}."`
	OffRamp             *OffRamp          `json:"off_ramp,omitempty" doc:"The window before expires_at in which rights shrink: {window, scopes, ttl}."`
	MaxActive           uint64            `json:"max_active,omitempty" doc:"Most live credentials of one caller. Default: no limit."`
	GenerationOverlap   Seconds           `json:"generation_overlap,omitempty" doc:"How long the generation before a deploy goes on. Default: 0s, it dies with the deploy."`
	Metadata            map[string]string `json:"metadata,omitempty" doc:"Free key=value notes: owner, purpose, ticket, repository."`
}

// Contract is an agreement between a caller and a service, compiled and ready
// to decide. It is built by [NewContract] alone, so every Contract in memory
// is valid. It is immutable.
type Contract struct {
	Terms
	Name string // how Vault users address it: roles/<name>
	ID   string // unique for ever, also when a contract of the same name comes later

	revision string
	cidrs    []netip.Prefix
	subject  *Subject

	conditions conditions
	stages     []stage
}

// NewContract checks the terms by themselves and compiles them. Whether they
// fit the service they name is another question: see [Contract.Fits]. Compile
// is for conditions; nil refuses any.
func NewContract(name, id string, t Terms, compile Compiler) (*Contract, error) {
	if t.CredentialType == "" {
		t.CredentialType = "jwt"
	}
	c := &Contract{Name: name, ID: id}
	var err error
	if t.Scopes, err = NewScopes(t.Scopes...); err != nil {
		return nil, err
	}
	if t.Subject != "" {
		if c.subject, err = ParseSubject(t.Subject); err != nil {
			return nil, fmt.Errorf("subject: %w", err)
		}
	}
	t.BoundCIDRs = slices.Clone(t.BoundCIDRs)
	for i, s := range t.BoundCIDRs {
		p, err := parseCIDR(s)
		if err != nil {
			return nil, fmt.Errorf("bound_cidrs: %q is neither a CIDR block nor an address", s)
		}
		c.cidrs = append(c.cidrs, p)
		t.BoundCIDRs[i] = p.String()
	}
	t.NotBefore, t.ExpiresAt = wholeSecond(t.NotBefore), wholeSecond(t.ExpiresAt)
	t.Stages = slices.Clone(t.Stages)
	if t.OffRamp != nil {
		off := *t.OffRamp
		t.OffRamp = &off
	}
	if err := t.check(); err != nil {
		return nil, err
	}
	if err := checkSize(t); err != nil {
		return nil, err
	}
	if err := c.compile(&t, compile); err != nil {
		return nil, err
	}
	c.Terms = t
	c.revision = revision(t)
	return c, nil
}

func (c *Contract) compile(t *Terms, compile Compiler) (err error) {
	if c.conditions, err = compileAll(t.Conditions, compile); err != nil {
		return err
	}
	if c.stages, err = compileStages(t, compile); err != nil {
		return err
	}
	if t.OffRamp == nil {
		return nil
	}
	if err := t.OffRamp.check(t); err != nil {
		return fmt.Errorf("off_ramp: %w", err)
	}
	return nil
}

// maxTerms bounds what is stored of a contract or service, in bytes of JSON:
// a Vault on raft cannot store more than 1 MiB.
const maxTerms = 256 << 10

func checkSize(terms any) error {
	text, err := json.Marshal(terms)
	if err == nil && len(text) > maxTerms {
		err = fmt.Errorf("all fields together have %d bytes, the limit is %d: shorten the longest", len(text), maxTerms)
	}
	return err
}

func (t *Terms) check() error {
	switch {
	case t.Service == "":
		return errors.New("service is required: the name of a service under services/")
	case len(t.Scopes) == 0:
		return errors.New("scopes is required: name what the caller may do; an empty list grants nothing")
	case !t.bindsIdentity():
		return errors.New("no identity binding, so nobody could use this contract: set at least one of bound_entity_ids, bound_entity_names, bound_groups, bound_entity_metadata, bound_alias_metadata, bound_auth_mounts")
	case t.TTL < 0 || t.MaxTTL < 0 || t.GenerationOverlap < 0:
		return errors.New("ttl, max_ttl and generation_overlap may not be negative")
	case t.MaxTTL > 0 && t.TTL > t.MaxTTL:
		return fmt.Errorf("ttl %ds is above max_ttl %ds", t.TTL, t.MaxTTL)
	case !isDate(t.NotBefore) || !isDate(t.ExpiresAt):
		return errors.New("not_before and expires_at must be in the years 1970 to 9999")
	case !t.ExpiresAt.IsZero() && !t.NotBefore.IsZero() && !t.NotBefore.Before(t.ExpiresAt):
		return errors.New("not_before must be earlier than expires_at")
	}
	return t.noEmptyBinding()
}

func (t *Terms) bindsIdentity() bool {
	return len(t.BoundEntityIDs)+len(t.BoundEntityNames)+len(t.BoundGroups)+
		len(t.BoundEntityMetadata)+len(t.BoundAliasMetadata)+len(t.BoundAuthMounts) > 0
}

func (t *Terms) noEmptyBinding() error {
	lists := map[string][]string{
		"bound_entity_ids": t.BoundEntityIDs, "bound_entity_names": t.BoundEntityNames,
		"bound_groups": t.BoundGroups, "bound_auth_mounts": t.BoundAuthMounts,
	}
	for field, list := range lists {
		for _, v := range list {
			if v == "" {
				return fmt.Errorf("%s has an empty element", field)
			}
		}
	}
	for field, pairs := range map[string]map[string]string{
		"bound_entity_metadata": t.BoundEntityMetadata, "bound_alias_metadata": t.BoundAliasMetadata,
	} {
		for k, v := range pairs {
			if k == "" || v == "" {
				return fmt.Errorf("%s needs a key and a value in each pair, found %q=%q", field, k, v)
			}
		}
	}
	return nil
}

// Revision is the SHA-256 of the terms in canonical JSON, in hexadecimal.
func (c *Contract) Revision() string { return c.revision }

// NeedsGroups reports whether deciding needs [Caller.Groups], so that a
// contract that never mentions groups never pays for looking them up.
func (c *Contract) NeedsGroups(svc *Service) bool {
	if len(c.BoundGroups) > 0 || c.conditions.readGroups() || svc.conditions.readGroups() {
		return true
	}
	for _, s := range c.stages {
		if s.conditions.readGroups() {
			return true
		}
	}
	return false
}

// Fits reports what keeps the contract from being an agreement with svc.
func (c *Contract) Fits(svc *Service, limits Limits) error {
	if missing := c.Scopes.Missing(svc.Scopes); missing != nil {
		return fmt.Errorf("service %q does not offer scope %q; it offers: %s", svc.Name, missing[0], svc.Scopes)
	}
	ceiling, whose := limits.MaxTTL, "the mount's config"
	if svc.MaxTTL > 0 && svc.MaxTTL < ceiling {
		ceiling, whose = svc.MaxTTL, fmt.Sprintf("service %q", svc.Name)
	}
	for field, v := range map[string]Seconds{"ttl": c.TTL, "max_ttl": c.MaxTTL} {
		if v > ceiling {
			return fmt.Errorf("%s %ds is above the max_ttl %ds of %s", field, v, ceiling, whose)
		}
	}
	return nil
}

func parseCIDR(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96) // as addresses are compared
	}
	return p.Masked(), err
}

func wholeSecond(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}

// isDate reports whether t can be written in RFC 3339 and meant as a date.
func isDate(t time.Time) bool { return t.IsZero() || t.Year() >= 1970 && t.Year() <= 9999 }

// State says where the contract stands: active, suspended, awaiting_consent,
// not_started, off_ramp or expired.
func (c *Contract) State(svc *Service, st State, now time.Time) string {
	switch {
	case st.ContractSuspended:
		return "suspended"
	case !c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt):
		return "expired"
	case svc.Consent == ConsentRequired && st.Consent != c.revision:
		return "awaiting_consent"
	case now.Before(c.NotBefore):
		return "not_started"
	case c.OffRamp != nil && !now.Before(c.OffRampStart()):
		return "off_ramp"
	}
	return "active"
}
