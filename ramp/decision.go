package ramp

import (
	"fmt"
	"time"
)

// Code names the reason of a denial. Codes are part of the API and never change.
type Code string

const (
	ServiceSuspended   Code = "service_suspended"
	ContractSuspended  Code = "contract_suspended"
	ContractNotStarted Code = "contract_not_started"
	ContractExpired    Code = "contract_expired"
	CredentialRevoked  Code = "credential_revoked"
	CallerUnknown      Code = "caller_unknown"
	CallerDisabled     Code = "caller_disabled"
	CallerSuspended    Code = "caller_suspended"
	CallerNotBound     Code = "caller_not_bound"
	SourceAddress      Code = "source_address"
	ProofRequired      Code = "proof_required"
	ScopeNotGranted    Code = "scope_not_granted"
	ConsentMissing     Code = "consent_missing"
	ConditionFalse     Code = "condition_false"
	ConditionError     Code = "condition_error"
	GenerationRetired  Code = "generation_retired"
	LimitActive        Code = "limit_active"
)

// Codes lists the codes that an answer to a request may have, in the order in
// which the checks are made.
func Codes() []Code {
	var list []Code
	for _, c := range checks {
		list = append(list, c.code)
		if c.code == ConditionFalse {
			list = append(list, ConditionError)
		}
	}
	return list
}

// Grant is what a decision gives.
type Grant struct {
	Subject    string
	Audience   string
	Scopes     Scopes
	TTL        Seconds   // how long the lease runs from now on
	Expiry     time.Time // when the credential ends, however often it is renewed
	Renewable  bool
	Stage      string // "" when the contract has none
	Generation string
	OffRamp    bool // the contract is about to end: its rights shrink
}

// Denial says why a decision denies. It is a value that answers the question,
// and an error for those who have to pass it on.
type Denial struct {
	Code   Code
	Reason string
}

func (d *Denial) Error() string { return fmt.Sprintf("denied: %s (%s)", d.Reason, d.Code) }

// Check is one question of a decision, with its answer.
type Check struct {
	Code   Code // of the denial, were the answer no
	Passed bool
	Reason string // what was looked at, as a sentence
	// Condition is the name of the condition that was asked, "" for other
	// checks; Clauses are its parts and their values.
	Condition string
	Clauses   []Clause
}

// Decision is the answer to "may this caller have this now?".
type Decision struct {
	grant  Grant
	after  Progress
	denied int // index of the first check that failed, -1 when none did
	passed [len(checks)]bool
	in     input
}

// Grant returns what was granted; only a decision without a Denial has one.
func (d *Decision) Grant() Grant { return d.grant }

// After is the caller's progress once the decision has been carried out.
func (d *Decision) After() Progress { return d.after }

// Denial returns why the decision denies, nil when it grants.
func (d *Decision) Denial() *Denial {
	if d.denied < 0 {
		return nil
	}
	c := &checks[d.denied]
	code := c.code
	if code == ConditionFalse && d.in.failed().err != nil {
		code = ConditionError
	}
	return &Denial{Code: code, Reason: c.says(&d.in)}
}

// Checks returns every check in the order made, failed or not; conditions are
// checks of their own.
func (d *Decision) Checks() []Check {
	var list []Check
	for i := range checks {
		if checks[i].code == ConditionFalse {
			list = append(list, d.in.conditionChecks()...)
			continue
		}
		list = append(list, Check{Code: checks[i].code, Passed: d.passed[i], Reason: checks[i].says(&d.in)})
	}
	return list
}
