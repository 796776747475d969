package attack

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

// headers are signed as they say, and should not be believed.
func headers() []Attack {
	var all []Attack
	// signed has members in the place of, or beside, those of a good header.
	signed := func(name, format string, reasons ...verify.Reason) {
		all = append(all, token("header: "+name, func(w *World) string {
			header := strings.NewReplacer("<kid>", w.keys["ES256"].id, "<rsa>", w.keys["RS256"].id).Replace(format)
			return w.sign("ES256", header, w.claims(nil))
		}, reasons...))
	}
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "", "es256", "ES256 ", "ES384", "ES512", "RS256", "PS256", "EdDSA", "HS256", "dir", "RSA-OAEP"} {
		signed(fmt.Sprintf("alg %q", alg), fmt.Sprintf(`{"alg":%q,"kid":"<kid>","typ":"at+jwt"}`, alg), verify.Malformed)
	}
	for _, typ := range []string{"", "jwt", "AT+JWT", "at+JWT", "application/at+jwt", "at+jwt ", "JOSE", "statuslist+jwt", "ramp-feed+jwt", "dpop+jwt", "secevent+jwt", "jwk-set+jwt"} {
		signed(fmt.Sprintf("typ %q", typ), fmt.Sprintf(`{"alg":"ES256","kid":"<kid>","typ":%q}`, typ), verify.Malformed)
	}
	signed("no alg", `{"kid":"<kid>","typ":"at+jwt"}`, verify.Malformed)
	signed("no typ", `{"alg":"ES256","kid":"<kid>"}`, verify.Malformed)
	signed("no kid", `{"alg":"ES256","typ":"at+jwt"}`, verify.UnknownKey)
	for _, kid := range []string{"unknown", "../../../dev/null", "' OR 1=1 --", "https://evil.example/key", strings.Repeat("k", 4096)} {
		signed(fmt.Sprintf("kid %.20q", kid), fmt.Sprintf(`{"alg":"ES256","kid":%q,"typ":"at+jwt"}`, kid), verify.UnknownKey)
	}
	for _, parameter := range []string{
		`"jku":"https://evil.example/jwks"`, `"x5u":"https://evil.example/crt"`, `"x5c":["MIIB"]`, `"x5t":"AAAA"`, `"x5t#S256":"AAAA"`, `"jwk":{}`,
		`"crit":["b64"],"b64":false`, `"b64":false`, `"b64":true`, `"crit":[]`, `"crit":["exp"],"exp":1`, `"zip":"DEF"`, `"cty":"JWT"`, `"enc":"A256GCM"`, `"nonce":"n"`,
		`"iss":"https://evil.example"`, `"url":"x"`, `"":"x"`, `"x":null`,
	} {
		signed("with "+parameter, `{"alg":"ES256","kid":"<kid>","typ":"at+jwt",`+parameter+`}`, verify.Malformed)
	}
	for name, text := range map[string]string{
		"alg twice":          `{"alg":"none","kid":"<kid>","typ":"at+jwt","alg":"ES256"}`,
		"alg twice, escaped": `{"alg":"none","kid":"<kid>","typ":"at+jwt","\u0061lg":"ES256"}`,
		"kid twice":          `{"alg":"ES256","kid":"<rsa>","kid":"<kid>","typ":"at+jwt"}`,
		"typ twice":          `{"alg":"ES256","kid":"<kid>","typ":"dpop+jwt","typ":"at+jwt"}`,
		"Alg":                `{"Alg":"ES256","kid":"<kid>","typ":"at+jwt"}`,
		"ALG beside alg":     `{"alg":"ES256","ALG":"none","kid":"<kid>","typ":"at+jwt"}`,
		"KELVIN SIGN id":     `{"alg":"ES256","\u212aid":"<kid>","kid":"<kid>","typ":"at+jwt"}`,
		"alg is an array":    `{"alg":["ES256"],"kid":"<kid>","typ":"at+jwt"}`,
		"kid is an object":   `{"alg":"ES256","kid":{"kid":"<kid>"},"typ":"at+jwt"}`,
		"alg is null":        `{"alg":null,"kid":"<kid>","typ":"at+jwt"}`,
		"array":              `["ES256"]`,
		"null":               `null`,
		"empty":              ``,
		"two":                `{"alg":"ES256","kid":"<kid>","typ":"at+jwt"}{}`,
		"byte order mark":    "\ufeff" + `{"alg":"ES256","kid":"<kid>","typ":"at+jwt"}`,
		"not UTF-8":          `{"alg":"ES256","kid":"<kid>","typ":"at+jwt","` + "\xff" + `":""}`,
		"NUL at the end":     `{"alg":"ES256","kid":"<kid>","typ":"at+jwt"}` + "\x00",
		"very deep":          `{"alg":"ES256","kid":"<kid>","typ":` + strings.Repeat("[", 8000),
	} {
		signed(name, text, verify.Malformed)
	}
	return append(all, confusions()...)
}

// confusions make a verifier use a key for what it is not for, or another key.
func confusions() []Attack {
	all := []Attack{
		token("key: another key of the issuer, by its kid", func(w *World) string {
			return w.signWith(w.keys["ES256"], encode(w.header("RS256"))+"."+encode(w.claims(nil)))
		}, verify.Signature),
		token("key: RS256 by an ECDSA key", func(w *World) string {
			return w.sign("RS256", w.header("ES256"), w.claims(nil))
		}, verify.Signature),
		token("key: in the header, jwk with our kid", func(w *World) string {
			return w.signWith(w.thief, encode(w.withJWK(w.keys["ES256"].id))+"."+encode(w.claims(nil)))
		}, verify.Malformed),
		token("key: in the header, jwk with its own kid", func(w *World) string {
			return w.signWith(w.thief, encode(w.withJWK("thief"))+"."+encode(w.claims(nil)))
		}, verify.Malformed),
		token("key: the thief's, as ours", func(w *World) string {
			return w.signWith(w.thief, encode(w.header("ES256"))+"."+encode(w.claims(nil)))
		}, verify.Signature),
	}
	for kind, secret := range map[string]func(w *World) []byte{
		"DER":     func(w *World) []byte { return w.publicDER() },
		"PEM":     func(w *World) []byte { return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: w.publicDER()}) },
		"modulus": func(w *World) []byte { return w.keys["RS256"].Public().(*rsa.PublicKey).N.Bytes() },
		"JWK": func(w *World) []byte {
			return []byte(encoded(jose.JSONWebKey{Key: w.keys["RS256"].Public(), KeyID: w.keys["RS256"].id, Algorithm: "RS256", Use: "sig"}))
		},
		"empty": func(*World) []byte { return nil },
	} {
		all = append(all,
			token("key: HS256 with the public key as "+kind, func(w *World) string {
				return mac(secret(w), strings.Replace(w.header("RS256"), "RS256", "HS256", 1), w.claims(nil))
			}, verify.Malformed),
			token("key: RS256 that is an HMAC with the public key as "+kind, func(w *World) string {
				return mac(secret(w), w.header("RS256"), w.claims(nil))
			}, verify.Signature))
	}
	return all
}

func (w *World) publicDER() []byte {
	der, err := x509.MarshalPKIXPublicKey(w.keys["RS256"].Public())
	if err != nil {
		w.tb.Error(err)
	}
	return der
}

func (w *World) withJWK(kid string) string {
	return encoded(map[string]any{"alg": "ES256", "kid": kid, "typ": "at+jwt", "jwk": jose.JSONWebKey{Key: w.thief.Public(), KeyID: kid, Algorithm: "ES256"}})
}
