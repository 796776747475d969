package ramp

import (
	"fmt"
	"reflect"
	"strings"
)

// Ways in which the verifiers of a service learn that a credential is dead.
const (
	RevocationStatus = "status" // they follow the feed or the status lists
	RevocationExpiry = "expiry" // they look at exp and nothing else
)

// Proofs of possession that a service may ask for.
const (
	ProofNone = "none"
	ProofDPoP = "dpop" // RFC 9449: credentials are bound to a JWK thumbprint
	ProofMTLS = "mtls" // RFC 8705: credentials are bound to a certificate
)

// Consent of the service team to contracts.
const (
	ConsentOpen     = "open"
	ConsentRequired = "required"
)

// ServiceTerms is what a service team declares.
type ServiceTerms struct {
	Audience   string            `json:"audience" doc:"Value of the aud claim: how the service names itself. Required."`
	Scopes     Scopes            `json:"scopes" doc:"Scopes the service offers. Required."`
	MaxTTL     Seconds           `json:"max_ttl,omitempty" doc:"Longest life of a credential for this service; at most the mount's config max_ttl, which is the default."`
	Revocation string            `json:"revocation" doc:"How verifiers learn of revocations: status (they follow the feed or the status lists) or expiry (they look at exp alone). Default: status."`
	Proof      string            `json:"proof" doc:"Proof of possession asked of callers: none, dpop or mtls. Default: none."`
	Consent    string            `json:"consent" doc:"Whether the service team has to accept each contract: open or required. Default: open."`
	Conditions []ConditionTerms  `json:"conditions,omitempty" doc:"Conditions of all contracts with the service: a list of {name, expression, on}, see roles/<name>."`
	Owner      string            `json:"owner,omitempty" doc:"Team that owns the service."`
	Metadata   map[string]string `json:"metadata,omitempty" doc:"Free key=value notes."`
}

// Service is the callee: what it offers and the ceilings it imposes.
// It is built by [NewService] alone, so every Service in memory is valid.
type Service struct {
	Name string
	ServiceTerms
	revision   string
	conditions conditions
}

// Revision is the SHA-256 of the terms in canonical JSON, in hexadecimal.
func (s *Service) Revision() string { return s.revision }

// NewService checks the terms and returns the service they describe. Compile
// is for its conditions; nil refuses any.
func NewService(name string, t ServiceTerms, compile Compiler) (*Service, error) {
	if t.Consent == "" {
		t.Consent = ConsentOpen
	}
	if t.Revocation == "" {
		t.Revocation = RevocationStatus
	}
	if t.Proof == "" {
		t.Proof = ProofNone
	}
	var err error
	if t.Scopes, err = NewScopes(t.Scopes...); err != nil {
		return nil, err
	}
	switch {
	case t.Audience == "":
		return nil, fmt.Errorf("audience is required: the value that the service expects in the aud claim")
	case len(t.Audience) > 1024 || strings.ContainsFunc(t.Audience, isControlOrSpace):
		return nil, fmt.Errorf("audience must be at most 1024 bytes without spaces or control characters")
	case len(t.Scopes) == 0:
		return nil, fmt.Errorf("scopes is required: name what the service offers, for example scopes=invoices:read,invoices:write")
	case t.MaxTTL < 0:
		return nil, fmt.Errorf("max_ttl may not be negative")
	case t.Revocation != RevocationStatus && t.Revocation != RevocationExpiry:
		return nil, fmt.Errorf("revocation %q is unknown: use %q or %q", t.Revocation, RevocationStatus, RevocationExpiry)
	case t.Consent != ConsentOpen && t.Consent != ConsentRequired:
		return nil, fmt.Errorf("consent %q is unknown: use %q or %q", t.Consent, ConsentOpen, ConsentRequired)
	case t.Proof != ProofNone && t.Proof != ProofDPoP && t.Proof != ProofMTLS:
		return nil, fmt.Errorf("proof %q is unknown: use %q, %q or %q", t.Proof, ProofNone, ProofDPoP, ProofMTLS)
	}
	if err := checkSize(t); err != nil {
		return nil, err
	}
	conds, err := compileAll(t.Conditions, compile)
	if err != nil {
		return nil, err
	}
	return &Service{Name: name, ServiceTerms: t, revision: revision(t), conditions: conds}, nil
}

// Fits reports what keeps the service from being declared on a mount with
// these limits.
func (s *Service) Fits(limits Limits) error {
	if s.MaxTTL > limits.MaxTTL {
		return fmt.Errorf("max_ttl %ds is above the max_ttl %ds of the mount's config", s.MaxTTL, limits.MaxTTL)
	}
	return nil
}

// Keeps reports whether everything credentials held under the old terms is
// still offered under t. When it is not, they have to die.
func (t ServiceTerms) Keeps(old ServiceTerms) bool {
	return t.Audience == old.Audience &&
		t.Revocation == old.Revocation &&
		(t.Proof == old.Proof || t.Proof == ProofNone) &&
		(t.Consent == old.Consent || t.Consent == ConsentOpen) &&
		reflect.DeepEqual(t.Conditions, old.Conditions) &&
		len(old.Scopes.Missing(t.Scopes)) == 0 &&
		!shorter(t.MaxTTL, old.MaxTTL)
}

// shorter reports whether the limit was lowered; zero means no limit of its own.
func shorter(limit, old Seconds) bool {
	return limit != 0 && (old == 0 || limit < old)
}

func isControlOrSpace(r rune) bool { return r <= ' ' || r == 0x7f }
