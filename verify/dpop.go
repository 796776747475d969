package verify

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

const dpopWindow = 30 * time.Second // how old or new a proof may be

// dpopClaims of a proof, RFC 9449 section 4.2.
type dpopClaims struct {
	ID       string `json:"jti"`
	Method   string `json:"htm"`
	URL      string `json:"htu"`
	IssuedAt int64  `json:"iat"`
	Token    string `json:"ath"`
}

// proveDPoP checks a proof in the order of RFC 9449 section 4.3.
func (v *Verifier) proveDPoP(raw, jkt string, shown *PossessionProof, now time.Time) error {
	if len(shown.DPoP) != 1 {
		return refuseDPoP("the request has %d DPoP headers", len(shown.DPoP))
	}
	thumbprint, payload, err := token.OpenProof(shown.DPoP[0])
	if err != nil {
		return refuseDPoP("the DPoP proof is not acceptable: %v", err)
	}
	claims, err := token.Decode[dpopClaims](payload)
	if err != nil {
		return refuseDPoP("the claims of the DPoP proof are not those of RFC 9449")
	}
	issued := time.Unix(claims.IssuedAt, 0)
	ath := sha256.Sum256([]byte(raw))
	switch {
	case !same(thumbprint, jkt):
		return refuseDPoP("the DPoP proof is by another key than the one the token is bound to")
	case claims.Method != shown.Method:
		return refuseDPoP("the DPoP proof is for method %.20q", claims.Method)
	case !sameResource(claims.URL, shown.URL):
		return refuseDPoP("the DPoP proof is for %.200q, the request went to %.200q", claims.URL, shown.URL)
	case issued.Before(now.Add(-dpopWindow)) || issued.After(now.Add(dpopWindow)):
		return refuseDPoP("the DPoP proof is of %s: make a new one for each request, and check the clock", issued.UTC().Format(time.RFC3339))
	case !same(claims.Token, base64.RawURLEncoding.EncodeToString(ath[:])):
		return refuseDPoP("the DPoP proof is for another token")
	case claims.ID == "":
		return refuseDPoP("the DPoP proof has no jti")
	}
	return v.proofs.use(thumbprint, claims.ID, issued.Add(dpopWindow).Sub(now), v.clock.read())
}

func refuseDPoP(format string, args ...any) error {
	r := refuse(Proof, format, args...)
	r.dpop = true
	return r
}

// sameResource compares without query and fragment, after the normalization
// of RFC 3986 that RFC 9449 section 4.3 asks for: scheme and host in lower
// case, no default port, "/" for no path.
func sameResource(a, b string) bool {
	x, okX := resource(a)
	y, okY := resource(b)
	return okX && okY && x == y
}

func resource(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" {
		return "", false
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	default:
		return "", false
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return scheme + "://" + host + path, true
}
