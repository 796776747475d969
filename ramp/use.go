package ramp

import (
	"net/netip"
	"time"
)

// Use is one request made with a credential, as the verifier of the
// credential sees it.
type Use struct {
	Caller     string // entity ID
	RemoteAddr netip.Addr
	Time       time.Time
	Scopes     []string // of the credential
	Contract   string
	ContractID string
	Revision   string
	Audience   string
	Stage      string
	Generation string
}

// A UseCondition is a compiled condition that is asked with each request. An
// error denies like false does.
type UseCondition interface {
	Holds(*Use) (bool, error)
}

// UseCompiler makes such a condition of an expression.
type UseCompiler func(expression string) (UseCondition, error)

// A UseReader is a [Condition] that knows whether it can be asked with each
// request, by verifiers, who know less than the issuer: the error says what
// it reads that they do not know.
type UseReader interface {
	OnUse() error
}
