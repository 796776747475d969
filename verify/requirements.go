package verify

import (
	"crypto/x509"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Requirements is what a request needs of its token, and what it shows.
type Requirements struct {
	// Scopes that the token must have, all of them.
	Scopes []string
	// RemoteAddr is where the request comes from. Conditions that ask for it
	// do not hold when it is not known.
	RemoteAddr netip.Addr
	// Proof that the caller has the key that the token is bound to.
	Proof PossessionProof
}

// PossessionProof is what a request shows to prove that the caller has the key
// its token is bound to. The zero value proves nothing.
type PossessionProof struct {
	// Certificate is the client certificate of the TLS connection (RFC 8705).
	Certificate *x509.Certificate
	// DPoP is the values of the DPoP header (RFC 9449); one is allowed.
	DPoP []string
	// Method and URL of the request, as the caller knows them, for DPoP.
	Method, URL string
}

// FromRequest takes from a request its token and what else it shows. An
// origin, "https://payments.internal", says how callers name the service when
// the request does not tell, because a proxy ended TLS; else it is "".
// Forwarding headers are not believed. The error is a [*Refusal].
func FromRequest(r *http.Request, origin string) (string, Requirements, error) {
	scheme, raw, err := credentials(r.Header)
	if err != nil {
		return "", Requirements{}, err
	}
	var need Requirements
	if addr, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		need.RemoteAddr = addr.Addr().Unmap()
	}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		need.Proof.Certificate = r.TLS.PeerCertificates[0]
	}
	if scheme == "dpop" { // a bearer token is not bound, whatever comes with it: RFC 9449 section 7.2
		need.Proof.DPoP = r.Header.Values("DPoP")
		if len(need.Proof.DPoP) == 0 {
			return "", Requirements{}, refuse(Proof, "the authorization scheme is DPoP and there is no DPoP header")
		}
		need.Proof.Method, need.Proof.URL = r.Method, requestURL(r, origin)
	}
	return raw, need, nil
}

// credentials reads the Authorization header (RFC 6750 section 2.1, RFC 9449
// section 7.1). Tokens elsewhere, in a query or a form, are not looked for.
func credentials(h http.Header) (scheme, raw string, err error) {
	values := h.Values("Authorization")
	switch {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return "", "", refuse(Missing, "the request has no token: send it as Authorization: Bearer <token>")
	case len(values) > 1:
		return "", "", refuse(Malformed, "the request has %d Authorization headers", len(values))
	}
	scheme, raw, _ = strings.Cut(values[0], " ")
	scheme = strings.ToLower(scheme)
	if scheme != "bearer" && scheme != "dpop" {
		return "", "", refuse(Missing, "the authorization scheme is neither Bearer nor DPoP")
	}
	if raw == "" || strings.ContainsAny(raw, " ,\t") {
		return "", "", refuse(Malformed, "the Authorization header has not exactly one token")
	}
	return scheme, raw, nil
}

func requestURL(r *http.Request, origin string) string {
	if origin == "" {
		origin = "http://" + r.Host
		if r.TLS != nil {
			origin = "https://" + r.Host
		}
	}
	u := url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath}
	return strings.TrimSuffix(origin, "/") + u.EscapedPath()
}
