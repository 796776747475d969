package ramp

import (
	"net/netip"
	"time"
)

// Phase is what a decision is made for.
type Phase int

const (
	PhaseIssue Phase = iota // the caller asks for a new credential
	PhaseRenew              // Vault asks to extend a lease; nobody is there to ask
)

// Limits is what the mount imposes on every contract.
type Limits struct {
	TrustDomain string
	DefaultTTL  Seconds
	MaxTTL      Seconds // always above zero
}

// State is what operators and earlier decisions left behind.
type State struct {
	ContractSuspended bool
	ServiceSuspended  bool
	CallerSuspended   bool
	Consent           string      // revision that the service team accepted
	Generations       Generations // of the contract
	Progress          Progress    // of the caller, when the contract has stages
	Active            uint64      // live credentials of the caller, when the contract limits them
}

// Request is what the caller asks for. Nothing in it is trusted as identity.
type Request struct {
	Scopes Scopes // nil: everything the contract grants
	TTL    Seconds
	// Generation that the caller says it belongs to, "" for the current one.
	Generation string
	Proof      string            // ProofDPoP or ProofMTLS when the caller presented a key
	Context    map[string]string // declared by the caller, for conditions
}

// Held is the credential whose renewal is decided.
type Held struct {
	Scopes     Scopes
	Expiry     time.Time
	Generation string // "" when issued before the first deploy
	Proof      string
	Dead       bool // revoked already
}

// Facts is everything about the caller and the moment that a decision looks at.
type Facts struct {
	Phase      Phase
	Now        time.Time
	Caller     *Caller    // nil: a token without an entity, for example a root token
	RemoteAddr netip.Addr // of the request that was issued; the zero value is in no CIDR block
	Request    Request    // PhaseIssue
	Held       Held       // PhaseRenew
	Limits     Limits
}
