package verify

import "fmt"

// Reason is why a token is refused. Reasons are part of the API and never change.
type Reason string

const (
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
	Stale       Reason = "stale"         // the feed was out of reach too long to tell
)

// Refusal is the error of a token that must not be accepted.
type Refusal struct {
	Reason  Reason
	Message string // a sentence for logs; it quotes nothing secret
}

func (r *Refusal) Error() string { return fmt.Sprintf("refused: %s (%s)", r.Message, r.Reason) }

func refuse(reason Reason, format string, args ...any) error {
	return &Refusal{reason, fmt.Sprintf(format, args...)}
}
