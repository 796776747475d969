package gate

import (
	"net/http"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

// Decision is what becomes of one request.
type Decision struct {
	// Refusal is nil when the request is accepted.
	Refusal *Refusal
	// Identity is the caller's, nil on public routes. Of a refused request it
	// is set when the token is the issuer's.
	Identity *verify.Identity
	// Route is the pattern that matched, "" for none.
	Route string
	// RequestID names the request in the log, to the service and to the caller.
	RequestID string

	began time.Time
}

// Refusal says why a request is refused, and how to say so.
type Refusal struct {
	Status    int
	Reason    string // one of [verify.Reasons], or of the gate's
	Message   string // for the log and the caller; it quotes nothing secret
	Challenge string // WWW-Authenticate, "" for none
	Allow     string // methods, with status 405
}

// Reasons of the gate. Like the verifier's they never change.
const (
	ReasonAmbiguous      = "ambiguous"       // the request can be read in two ways
	ReasonNoRoute        = "no_route"        // no route matches
	ReasonMethod         = "method"          // no route matches with this method
	ReasonRouteCondition = "route_condition" // the condition of the route is false
	ReasonRouteError     = "route_error"     // it cannot be decided
	ReasonBusy           = "busy"            // too many requests at once
)

// refusal takes over what the verifier says.
func refusal(err error) *Refusal {
	r := verify.RefusalOf(err)
	return &Refusal{Status: r.Status(), Reason: string(r.Reason), Message: r.Message, Challenge: r.Challenge()}
}

// Header is what an answer has beside its status.
func (r *Refusal) Header() http.Header {
	h := http.Header{"Cache-Control": {"no-store"}}
	if r.Challenge != "" {
		h.Set("WWW-Authenticate", r.Challenge)
	}
	if r.Allow != "" {
		h.Set("Allow", r.Allow)
	}
	if r.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	return h
}

// Text is the body of an answer.
func (r *Refusal) Text() string { return "refused: " + r.Message + " (" + r.Reason + ")" }
