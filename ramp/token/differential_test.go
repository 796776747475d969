package token_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

// joseAccepts and jwtAccepts are other readers, told which key to use, as
// strict as they can be made.
func joseAccepts(raw string, key jose.JSONWebKey) bool {
	jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(key.Algorithm)})
	if err != nil {
		return false
	}
	_, err = jws.Verify(key.Key)
	return err == nil
}

func jwtAccepts(raw string, key jose.JSONWebKey) bool {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{key.Algorithm}), jwt.WithoutClaimsValidation())
	_, err := parser.Parse(raw, func(t *jwt.Token) (any, error) {
		if t.Header["kid"] != key.KeyID {
			return nil, errors.New("kid")
		}
		return key.Key, nil
	})
	return err == nil
}

// mustAgree fails when a token is accepted here that both others refuse, or
// when its claims are not those that a plain reader of JSON sees.
func mustAgree(t testing.TB, i *issuer, raw string) (accepted bool) {
	t.Helper()
	h, payload, err := token.Open(raw, i.keys, token.TypeAccessToken, token.TypeSVID)
	if err != nil {
		return false
	}
	key, ok := i.keys(h.KeyID)
	if !ok || h.Algorithm != key.Algorithm {
		t.Fatalf("opened with key %q and alg %q: %q", h.KeyID, h.Algorithm, raw)
	}
	byJose, byJWT := joseAccepts(raw, key), jwtAccepts(raw, key)
	claims, err := token.ParseClaims(payload)
	if err != nil {
		if !byJose { // golang-jwt wants claims, too
			t.Fatalf("opened, and go-jose refuses it: %q", raw)
		}
		return false
	}
	if !byJose && !byJWT {
		t.Fatalf("accepted, and both others refuse it: %q with payload %q", raw, payload)
	}
	plain := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	if err := decoder.Decode(&plain); err != nil {
		t.Fatalf("%q: %v", payload, err)
	}
	for name, ours := range map[string]string{"iss": claims.Issuer, "sub": claims.Subject, "aud": claims.Audience, "jti": claims.ID, "client_id": claims.ClientID, "scope": claims.Scope} {
		if theirs, ok := plain[name].(string); ok && theirs != ours || !ok && ours != "" {
			t.Fatalf("%s is %q here and %q elsewhere: %q", name, ours, plain[name], payload)
		}
	}
	for name, ours := range map[string]int64{"exp": claims.Expiry, "nbf": claims.NotBefore, "iat": claims.IssuedAt} {
		theirs, ok := plain[name].(json.Number)
		if n, err := theirs.Int64(); ok && (err != nil || n != ours) || !ok && ours != 0 {
			t.Fatalf("%s is %d here and %v elsewhere: %q", name, ours, plain[name], payload)
		}
	}
	return true
}

// FuzzPeers signs whatever header and payload there are, as a key's holder
// could, and takes the text apart as anybody can.
func FuzzPeers(f *testing.F) {
	i := newIssuer(f)
	for _, kind := range []string{"ec", "rsa", "ed"} {
		alg := map[string]string{"ec": "ES256", "rsa": "RS256", "ed": "EdDSA"}[kind]
		header := `{"alg":"` + alg + `","kid":"` + kind + `","typ":"at+jwt"}`
		if !mustAgree(f, i, i.sign(f, kind, header, claims)) {
			f.Fatal("a good token is refused")
		}
		f.Add(kind, header, claims, "")
		f.Add(kind, `{"typ":"JWT","kid":"`+kind+`","alg":"`+alg+`"}`, `{"exp":1,"EXP":2,"x":{}}`, "A")
		f.Add(kind, `{"alg":"`+alg+`","kid":"`+kind+`","typ":"at+jwt","crit":["b64"],"b64":false}`, claims, "\n")
		f.Add(kind, ` {"alg" : "`+alg+`","\u006bid":"`+kind+`","typ":"at+jwt"} `, `{"aud":["a"],"exp":1e3}`, ".")
	}
	f.Fuzz(func(t *testing.T, kind, header, payload, tail string) {
		switch kind {
		case "ec", "rsa", "ed", "pss", "hmac of the public key":
			mustAgree(t, i, i.sign(t, kind, header, payload)+tail)
		}
	})
}
