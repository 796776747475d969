// Package attack has requests that whoever verifies ramp tokens must refuse,
// for the tests of everything that does: the library, the proxy, ext_authz.
//
// A test makes a [World], sets up what it tests with the world's issuer,
// audience and origin, and lets [Run] send everything there is.
package attack

import (
	"crypto/tls"
	"net/http"
	"slices"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

// Attack is a request to be refused.
type Attack struct {
	Name string
	// Reasons it may be refused for. Empty for a control.
	Reasons []verify.Reason
	// Again means that the first request is accepted, and the same sent again
	// is to be refused.
	Again bool
	// Soon means that the request may be accepted for some moments, until
	// the feed has told.
	Soon bool
	// Make makes the request. It is safe to call it more than once; each call
	// makes a new one.
	Make func(*World, Target) Shot
}

// Target is a request as the caller sees it: with the origin that the service
// is known by, and without a query.
type Target struct{ Method, URL string }

// Shot is what an attacker sends.
type Shot struct {
	Header http.Header
	// Query is to be appended to the target's URL, if not empty.
	Query string
	// Certificate is the client certificate to show, nil for none.
	Certificate *tls.Certificate
}

// Refused reports whether a request was refused as the attack wants it.
func (a *Attack) Refused(reason verify.Reason) bool { return slices.Contains(a.Reasons, reason) }

// Attacks are all of them. They need no scope, and are independent of each
// other.
func Attacks() []Attack {
	return slices.Concat(headers(), signatures(), spellings(), claims(), issuers(), deaths(), authorizations(), proofs(), certificates())
}

func bearer(raw string) Shot {
	return Shot{Header: http.Header{"Authorization": {"Bearer " + raw}}}
}

// token is an attack by what is in the place of a bearer token.
func token(name string, make func(*World) string, reasons ...verify.Reason) Attack {
	return Attack{Name: name, Reasons: reasons, Make: func(w *World, _ Target) Shot { return bearer(make(w)) }}
}
