package attack

import (
	"net/http"
	"strings"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// Controls are requests that must be accepted: without them, a verifier that
// refuses everything withstands every attack. Those whose names start with
// "mTLS" show a certificate.
func Controls() []Attack {
	var all []Attack
	add := func(name string, make func(w *World, to Target) Shot) {
		all = append(all, Attack{Name: name, Make: make})
	}
	add("access token", func(w *World, _ Target) Shot { return bearer(w.Issuer.Issue(verifytest.Token{})) })
	add("SVID", func(w *World, _ Target) Shot { return bearer(w.Issuer.Issue(verifytest.Token{SVID: true})) })
	add("scheme in lower case", func(w *World, _ Target) Shot {
		return Shot{Header: http.Header{"Authorization": {"bearer " + w.Issuer.Issue(verifytest.Token{})}}}
	})
	for _, algorithm := range []string{"ES256", "ES384", "RS256", "EdDSA"} {
		add("forged as the issuer would, "+algorithm, func(w *World, _ Target) Shot { return bearer(w.sign(algorithm, w.header(algorithm), w.claims(nil))) })
	}
	add("a claim that is not ours", func(w *World, _ Target) Shot {
		return bearer(w.token(map[string]any{"other": map[string]any{"exp": 1}}))
	})
	add("DPoP", func(w *World, to Target) Shot {
		raw := w.bound()
		return Shot{Header: dpop(raw, w.proof(w.caller, raw, to, nil, nil))}
	})
	add("DPoP, other spellings of the URL", func(w *World, to Target) Shot {
		raw := w.bound()
		scheme, rest, _ := strings.Cut(to.URL, "://")
		return Shot{Header: dpop(raw, w.proof(w.caller, raw, to, nil, map[string]any{"htu": strings.ToUpper(scheme) + "://" + rest + "?a=b#c"}))}
	})
	add("mTLS", func(w *World, _ Target) Shot {
		shot := bearer(w.Issuer.Issue(verifytest.Token{X5T: x5t(&w.certificate)}))
		shot.Certificate = &w.certificate
		return shot
	})
	return all
}
