package attack

import (
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// proofs are DPoP requests (RFC 9449 section 4.3) with one thing wrong.
func proofs() []Attack {
	var all []Attack
	add := func(name string, make func(w *World, raw string, to Target) http.Header) {
		all = append(all, Attack{Name: "DPoP: " + name, Reasons: []verify.Reason{verify.Proof}, Make: func(w *World, to Target) Shot {
			return Shot{Header: make(w, w.bound(), to)}
		}})
	}
	claimed := func(name string, change func(to Target) map[string]any) {
		add(name, func(w *World, raw string, to Target) http.Header {
			return dpop(raw, w.proof(w.caller, raw, to, nil, change(to)))
		})
	}
	headed := func(name string, change func(w *World) map[string]any) {
		add(name, func(w *World, raw string, to Target) http.Header {
			return dpop(raw, w.proof(w.caller, raw, to, change(w), nil))
		})
	}
	add("stolen token, as Bearer", func(_ *World, raw string, _ Target) http.Header { return bearer(raw).Header })
	add("proof beside a Bearer token", func(w *World, raw string, to Target) http.Header {
		return http.Header{"Authorization": {"Bearer " + raw}, "Dpop": {w.proof(w.caller, raw, to, nil, nil)}}
	})
	add("no proof", func(_ *World, raw string, _ Target) http.Header { return http.Header{"Authorization": {"DPoP " + raw}} })
	add("two proofs", func(w *World, raw string, to Target) http.Header {
		return dpop(raw, w.proof(w.caller, raw, to, nil, nil), w.proof(w.caller, raw, to, nil, nil))
	})
	add("the same proof twice", func(w *World, raw string, to Target) http.Header {
		p := w.proof(w.caller, raw, to, nil, nil)
		return dpop(raw, p, p)
	})
	add("two proofs with a comma", func(w *World, raw string, to Target) http.Header {
		return dpop(raw, w.proof(w.caller, raw, to, nil, nil)+","+w.proof(w.caller, raw, to, nil, nil))
	})
	add("empty proof", func(_ *World, raw string, _ Target) http.Header { return dpop(raw, "") })
	add("the token as proof", func(_ *World, raw string, _ Target) http.Header { return dpop(raw, raw) })
	add("huge proof", func(w *World, raw string, to Target) http.Header {
		return dpop(raw, w.proof(w.caller, raw, to, nil, map[string]any{"x": strings.Repeat("x", 9<<10)}))
	})
	add("proof by the thief's key", func(w *World, raw string, to Target) http.Header {
		return dpop(raw, w.proof(w.thief, raw, to, nil, nil))
	})
	add("proof by the thief, who shows the caller's key", func(w *World, raw string, to Target) http.Header {
		return dpop(raw, w.proof(w.thief, raw, to, map[string]any{"jwk": public(w.caller)}, nil))
	})
	add("proof of another token", func(w *World, raw string, to Target) http.Header {
		return dpop(raw, w.proof(w.caller, w.bound(), to, nil, nil))
	})
	add("proof for a token that is not bound", func(w *World, _ string, to Target) http.Header {
		raw := w.Issuer.Issue(verifytest.Token{})
		return dpop(raw, w.proof(w.caller, raw, to, nil, nil))
	})
	add("signature changed", func(w *World, raw string, to Target) http.Header {
		p := w.proof(w.caller, raw, to, nil, nil)
		at := len(p) - 20
		return dpop(raw, p[:at]+string(p[at]^1&^0x20|p[at]&0x20)+p[at+1:])
	})
	add("signature none", func(w *World, raw string, to Target) http.Header {
		p := w.proof(w.caller, raw, to, nil, nil)
		return dpop(raw, p[:strings.LastIndexByte(p, '.')+1])
	})
	add("signature psychic", func(w *World, raw string, to Target) http.Header {
		p := w.proof(w.caller, raw, to, nil, nil)
		return dpop(raw, p[:strings.LastIndexByte(p, '.')+1]+encode(strings.Repeat("\x00", 64)))
	})
	add("signature by HMAC with the public key", func(w *World, raw string, to Target) http.Header {
		header := encoded(map[string]any{"typ": "dpop+jwt", "alg": "HS256", "jwk": public(w.caller)})
		return dpop(raw, mac([]byte(encoded(public(w.caller))), header, w.proofClaims(raw, to, nil)))
	})
	add("key weak, RSA of 1024 bits", func(w *World, _ string, to Target) http.Header {
		k := key{Signer: weakRSA(w)}
		raw := w.Issuer.Issue(verifytest.Token{JKT: thumbprint(k)})
		return dpop(raw, w.proof(k, raw, to, map[string]any{"alg": "RS256"}, nil))
	})

	for _, alg := range []any{"none", "HS256", "ES384", "RS256", "es256", "", nil, 7} {
		headed("alg "+encoded(alg), func(*World) map[string]any { return map[string]any{"alg": alg} })
	}
	for _, typ := range []any{"JWT", "DPOP+JWT", "dpop", "at+jwt", "application/dpop+jwt", "", nil, 7} {
		headed("typ "+encoded(typ), func(*World) map[string]any { return map[string]any{"typ": typ} })
	}
	headed("key private", func(w *World) map[string]any { return map[string]any{"jwk": jose.JSONWebKey{Key: w.caller.Signer}} })
	headed("key symmetric", func(*World) map[string]any {
		return map[string]any{"jwk": map[string]string{"kty": "oct", "k": encode("secret secret secret secret secret")}}
	})
	headed("key none", func(*World) map[string]any { return map[string]any{"jwk": nil} })
	headed("key null", func(*World) map[string]any { return map[string]any{"jwk": (*int)(nil)} })
	headed("key by kid only", func(w *World) map[string]any { return map[string]any{"jwk": nil, "kid": thumbprint(w.caller)} })
	headed("key off the curve", func(*World) map[string]any {
		return map[string]any{"jwk": map[string]string{"kty": "EC", "crv": "P-256", "x": encode(strings.Repeat("\x01", 32)), "y": encode(strings.Repeat("\x01", 32))}}
	})
	for _, name := range []string{"jku", "x5u", "x5c", "x5t", "crit", "b64", "zip", "cty", "JWK", "nonce"} {
		headed("header with "+name, func(*World) map[string]any { return map[string]any{name: "x"} })
	}
	headed("header with crit and b64", func(*World) map[string]any { return map[string]any{"crit": []string{"b64"}, "b64": false} })

	for _, method := range []any{"DELETE", "get", "", nil, []string{"GET"}} {
		claimed("htm "+encoded(method), func(Target) map[string]any { return map[string]any{"htm": method} })
	}
	for name, change := range map[string]func(u string) any{
		"other path":     func(u string) any { return u + "/x" },
		"less path":      func(u string) any { return u[:strings.LastIndexByte(u, '/')] },
		"slash":          func(u string) any { return u + "/" },
		"other host":     func(u string) any { return strings.Replace(u, "://", "://evil.", 1) },
		"other scheme":   func(u string) any { return "ftp" + u[strings.Index(u, "://"):] },
		"other port":     func(u string) any { return withPort(u) },
		"user":           func(u string) any { return strings.Replace(u, "://", "://u@", 1) },
		"path only":      func(u string) any { return u[strings.Index(u, "://")+3:] },
		"upper case":     func(u string) any { return strings.ToUpper(u) },
		"empty":          func(string) any { return "" },
		"missing":        func(string) any { return nil },
		"array":          func(u string) any { return []string{u} },
		"dot segments":   func(u string) any { return u + "/../x" },
		"a control byte": func(u string) any { return u + "\x00" },
	} {
		claimed("htu, "+name, func(to Target) map[string]any { return map[string]any{"htu": change(to.URL)} })
	}
	now := func() int64 { return time.Now().Unix() }
	for name, iat := range map[string]func() any{
		"an hour old": func() any { return now() - 3600 }, "in an hour": func() any { return now() + 3600 }, "missing": func() any { return nil }, "0": func() any { return 0 },
		"negative": func() any { return -1 << 63 }, "huge": func() any { return int64(1<<63 - 1) }, "text": func() any { return "now" }, "1e99": func() any { return 1e99 },
	} {
		claimed("iat, "+name, func(Target) map[string]any { return map[string]any{"iat": iat()} })
	}
	for _, jti := range []any{"", nil, 7} {
		claimed("jti "+encoded(jti), func(Target) map[string]any { return map[string]any{"jti": jti} })
	}
	for _, ath := range []any{"", nil, 7, "x"} {
		claimed("ath "+encoded(ath), func(Target) map[string]any { return map[string]any{"ath": ath} })
	}
	for name, member := range map[string]string{"htm": `"htm":"GET"`, "HTM": `"HTM":"GET"`, "ath": `"ath":"x"`, "Ath": `"Ath":"x"`, "jti": `"jti":"x"`} {
		add("claims with a second "+name, func(w *World, raw string, to Target) http.Header {
			return dpop(raw, w.signProof(w.caller, w.proofHeader(w.caller, nil), "{"+member+","+w.proofClaims(raw, to, nil)[1:]))
		})
	}
	for _, payload := range []string{"", "null", "[]", "{", `"x"`} {
		add("claims that are "+payload, func(w *World, raw string, _ Target) http.Header {
			return dpop(raw, w.signProof(w.caller, w.proofHeader(w.caller, nil), payload))
		})
	}
	add("header with alg twice", func(w *World, raw string, to Target) http.Header {
		return dpop(raw, w.signProof(w.caller, `{"alg":"none",`+w.proofHeader(w.caller, nil)[1:], w.proofClaims(raw, to, nil)))
	})
	add("key with crv twice", func(w *World, raw string, to Target) http.Header {
		return dpop(raw, w.signProof(w.caller, strings.Replace(w.proofHeader(w.caller, nil), `"crv":`, `"crv":"P-384","crv":`, 1), w.proofClaims(raw, to, nil)))
	})
	all = append(all, Attack{Name: "DPoP: replay", Reasons: []verify.Reason{verify.Proof}, Again: true, Make: func(w *World, to Target) Shot {
		raw := w.bound()
		return Shot{Header: dpop(raw, w.proof(w.caller, raw, to, nil, nil))}
	}})
	return all
}

func weakRSA(w *World) *rsa.PrivateKey {
	private, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // too short is what it is for
	if err != nil {
		w.tb.Error(err)
	}
	return private
}

// withPort adds a port to the host, or changes it.
func withPort(u string) string {
	scheme, rest, _ := strings.Cut(u, "://")
	host, path, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, ":")
	return scheme + "://" + host + ":8444/" + path
}
