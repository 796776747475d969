package token_test

import (
	"crypto"
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

func proofHeader(t testing.TB, alg string, key any) string {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKey{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return `{"typ":"dpop+jwt","alg":"` + alg + `","jwk":` + string(text) + `}`
}

func TestOpenProof(t *testing.T) {
	i := newIssuer(t)
	for _, tc := range []struct {
		kind, alg string
		key       any
	}{{"ec", "ES256", i.ec.Public()}, {"rsa", "RS256", i.rsa.Public()}, {"pss", "PS256", i.rsa.Public()}, {"ed", "EdDSA", i.ed.Public()}} {
		header := proofHeader(t, tc.alg, tc.key)
		jkt, payload, err := token.OpenProof(i.sign(t, tc.kind, header, `{"jti":"1"}`))
		sum, _ := (&jose.JSONWebKey{Key: tc.key}).Thumbprint(crypto.SHA256)
		if err != nil || string(payload) != `{"jti":"1"}` || jkt != b64.EncodeToString(sum) {
			t.Errorf("%s: %s %s %v", tc.alg, jkt, payload, err)
		}
		withKid := strings.Replace(header, `{`, `{"kid":"mine",`, 1)
		if _, _, err := token.OpenProof(i.sign(t, tc.kind, withKid, `{}`)); err != nil {
			t.Errorf("%s with a kid: %v", tc.alg, err)
		}
		for _, other := range []string{"none", "HS256", "ES384", "RS512", ""} {
			if _, _, err := token.OpenProof(i.sign(t, tc.kind, proofHeader(t, other, tc.key), `{}`)); err == nil {
				t.Errorf("a key for %s with alg %q", tc.alg, other)
			}
		}
	}
}

func FuzzOpenProof(f *testing.F) {
	i := newIssuer(f)
	f.Add(proofHeader(f, "ES256", i.ec.Public()), `{"jti":"1"}`, "")
	f.Add(proofHeader(f, "ES256", i.ec), `{"jti":"1"}`, "=")
	f.Add(`{"typ":"dpop+jwt","alg":"HS256","jwk":{"kty":"oct","k":"AA"}}`, `{}`, ".")
	f.Add(`{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}}`, `{}`, "")
	f.Fuzz(func(t *testing.T, header, payload, tail string) {
		raw := i.sign(t, "ec", header, payload) + tail
		jkt, opened, err := token.OpenProof(raw)
		if err != nil {
			return
		}
		jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.ES256, jose.ES384, jose.ES512, jose.RS256, jose.PS256, jose.EdDSA})
		if err != nil || jws.Signatures[0].Header.JSONWebKey == nil {
			t.Fatalf("opened, and go-jose refuses it: %q: %v", raw, err)
		}
		key := jws.Signatures[0].Header.JSONWebKey
		theirs, err := jws.Verify(key)
		sum, _ := key.Thumbprint(crypto.SHA256)
		if err != nil || string(theirs) != string(opened) || jkt != b64.EncodeToString(sum) || string(opened) != payload {
			t.Fatalf("go-jose sees %q by %x (%v), we %q by %s", theirs, sum, err, opened, jkt)
		}
	})
}
