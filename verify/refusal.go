package verify

import (
	"errors"
	"fmt"
)

// Reason is why a token is refused. Reasons are part of the API and never change.
type Reason string

const (
	Missing     Reason = "missing"       // the request has no token
	Malformed   Reason = "malformed"     // not a token this library reads
	UnknownKey  Reason = "unknown_key"   // signed with a key the issuer does not publish
	Signature   Reason = "signature"     // the signature does not match
	WrongIssuer Reason = "wrong_issuer"  // from another issuer
	Audience    Reason = "audience"      // for another service
	Expired     Reason = "expired"       //
	NotYetValid Reason = "not_yet_valid" //
	Revoked     Reason = "revoked"       //
	Scope       Reason = "scope"         // lacks a scope that the request needs
	Proof       Reason = "proof"         // bound to a key that the caller did not prove to have
	Conditions  Reason = "conditions"    // has conditions that do not hold, or cannot be asked
	Stale       Reason = "stale"         // the issuer was out of reach too long to tell
)

// Reasons are all of them.
var Reasons = [...]Reason{Missing, Malformed, UnknownKey, Signature, WrongIssuer, Audience, Expired, NotYetValid, Revoked, Scope, Proof, Conditions, Stale}

// Refusal is the error of a token that must not be accepted.
type Refusal struct {
	Reason  Reason
	Message string // a sentence for logs and callers; it quotes nothing secret
	// Identity is whose token it is, when its signature, issuer and audience
	// are good; nil otherwise.
	Identity *Identity

	dpop      bool // about a DPoP proof
	undecided bool
}

// Undecided reports whether the token is refused because nobody could tell
// whether it meets its conditions, and not for what its caller did.
func (r *Refusal) Undecided() bool { return r.undecided || r.Reason == Stale }

func (r *Refusal) Error() string { return fmt.Sprintf("refused: %s (%s)", r.Message, r.Reason) }

// RefusalOf is the refusal that err is or wraps; an error of another kind
// refuses, too.
func RefusalOf(err error) *Refusal {
	var r *Refusal
	if errors.As(err, &r) {
		return r
	}
	return &Refusal{Reason: Stale, Message: err.Error()}
}

// undecided refuses for a question without an answer.
func undecided(reason Reason, format string, args ...any) *Refusal {
	r := refuse(reason, format, args...)
	r.undecided = true
	return r
}

func refuse(reason Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Message: fmt.Sprintf(format, args...)}
}
