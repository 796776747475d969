package e2e_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
)

const audience = "https://payments.internal"

// algorithms are those a key may have, and what JOSE calls them.
var algorithms = map[string]jose.SignatureAlgorithm{"ES256": jose.ES256, "RS256": jose.RS256, "ES384": jose.ES384, "Ed25519": jose.EdDSA}

// Verifiers that share no code with Ramp accept what it issues, and nothing that was tampered with.
func TestIndependentVerifiers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	for algorithm := range algorithms {
		r.write(t, "keys/"+strings.ToLower(algorithm), fields{"algorithm": algorithm})
	}
	for algorithm, alg := range algorithms {
		for _, profile := range []string{"access_token", "jwt_svid"} {
			name := profile + "-" + strings.ToLower(algorithm)
			terms := fields{"credential": fields{"profile": profile, "key": strings.ToLower(algorithm)}}
			if algorithm == "Ed25519" && profile == "jwt_svid" {
				r.refusesEd25519SVID(t, name, terms)
				continue
			}
			r.contract(t, name, terms)
			c := r.mint(t, r.orders.Client, name, nil)
			t.Run(name, func(t *testing.T) {
				r.checkHeader(t, c, alg, profile)
				r.checkWithJose(t, c, alg)
				r.checkWithOIDC(t, c)
				if profile == "jwt_svid" {
					r.checkWithSPIFFE(t, c)
				}
			})
		}
	}
}

func (r *rig) refusesEd25519SVID(t *testing.T, name string, terms fields) {
	t.Helper()
	_, err := r.Client.Logical().Write("ramp/roles/"+name, fields{
		"service": "payments", "scopes": "invoices:read", "bound_entity_ids": r.orders.EntityID, "credential": terms["credential"],
	})
	wantRefused(t, err, 400, "Ed25519", "ES256")
	if got := r.read(t, "roles/"+name); got != nil {
		t.Errorf("it was stored: %v", got)
	}
}

// tampered is the token with one character of its payload or signature changed.
func tampered(raw string, part int) string {
	parts := strings.Split(raw, ".")
	text := []byte(parts[part])
	if at := &text[len(text)/2]; *at == 'A' {
		*at = 'B'
	} else {
		*at = 'A'
	}
	parts[part] = string(text)
	return strings.Join(parts, ".")
}

func (r *rig) checkHeader(t *testing.T, c creds, alg jose.SignatureAlgorithm, profile string) {
	t.Helper()
	var header map[string]any
	if err := decodePart(c.Token, 0, &header); err != nil {
		t.Fatal(err)
	}
	typ := map[string]string{"access_token": "at+jwt", "jwt_svid": "JWT"}[profile]
	if want := (map[string]any{"alg": string(alg), "kid": c.KeyID, "typ": typ}); !maps.Equal(header, want) {
		t.Errorf("header is %v, want %v", header, want)
	}
	var claims map[string]any
	if err := decodePart(c.Token, 1, &claims); err != nil {
		t.Fatal(err)
	}
	want := []string{"aud", "client_id", "exp", "iat", "iss", "jti", "nbf", "scope", "status", "sub"}
	if profile == "access_token" {
		want = []string{"aud", "client_id", "exp", "iat", "iss", "jti", "nbf", "ramp", "scope", "status", "sub"}
	}
	if got := slices.Sorted(maps.Keys(claims)); !slices.Equal(got, want) {
		t.Errorf("claims are %v, want %v", got, want)
	}
	if c.Issuer != r.Addr+issuerPath || c.Audience != audience || c.ClientID != r.orders.EntityID ||
		c.Subject != "spiffe://127.0.0.1/entity/"+r.orders.EntityID || c.Expiry-c.IssuedAt != 3600 || c.IssuedAt-c.NotBefore != 30 {
		t.Errorf("claims are %+v", c.Claims)
	}
}

func (r *rig) checkWithJose(t *testing.T, c creds, alg jose.SignatureAlgorithm) {
	t.Helper()
	var published jose.JSONWebKeySet
	document, _ := r.public(t, "ramp/.well-known/jwks.json")
	if err := json.Unmarshal(document, &published); err != nil {
		t.Fatal(err)
	}
	verify := func(raw string) (claims josejwt.Claims, err error) {
		parsed, err := josejwt.ParseSigned(raw, []jose.SignatureAlgorithm{alg})
		if err != nil {
			return claims, err
		}
		return claims, parsed.Claims(published, &claims)
	}
	claims, err := verify(c.Token)
	if err != nil {
		t.Fatal(err)
	}
	expected := josejwt.Expected{Issuer: r.Addr + issuerPath, AnyAudience: josejwt.Audience{audience}, Subject: c.Subject, ID: c.ID}
	if err := claims.ValidateWithLeeway(expected, 0); err != nil {
		t.Error(err)
	}
	for part := 1; part <= 2; part++ {
		if _, err := verify(tampered(c.Token, part)); err == nil {
			t.Errorf("go-jose accepts a token with another part %d", part)
		}
	}
}

func (r *rig) checkWithOIDC(t *testing.T, c creds) {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), r.Addr+issuerPath)
	if err != nil {
		t.Fatal(err)
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: audience})
	id, err := verifier.Verify(t.Context(), c.Token)
	if err != nil {
		t.Fatal(err)
	}
	if id.Subject != c.Subject || !slices.Equal(id.Audience, []string{audience}) || id.Expiry.Unix() != c.Expiry {
		t.Errorf("go-oidc reads %+v", id)
	}
	if _, err := verifier.Verify(t.Context(), tampered(c.Token, 2)); err == nil {
		t.Error("go-oidc accepts a token with another signature")
	}
	if _, err := provider.Verifier(&oidc.Config{ClientID: "https://other.internal"}).Verify(t.Context(), c.Token); err == nil {
		t.Error("go-oidc accepts a token for somebody else")
	}
}

func (r *rig) checkWithSPIFFE(t *testing.T, c creds) {
	t.Helper()
	document, _ := r.public(t, "ramp/bundle")
	bundle, err := spiffebundle.Parse(spiffeid.RequireTrustDomainFromString("127.0.0.1"), document)
	if err != nil {
		t.Fatal(err)
	}
	if sequence, ok := bundle.SequenceNumber(); !ok || sequence == 0 {
		t.Error("the bundle has no sequence number")
	}
	if hint, ok := bundle.RefreshHint(); !ok || hint <= 0 {
		t.Error("the bundle has no refresh hint")
	}
	svid, err := jwtsvid.ParseAndValidate(c.Token, bundle, []string{audience})
	if err != nil {
		t.Fatal(err)
	}
	if svid.ID.String() != c.Subject || svid.Expiry.Unix() != c.Expiry {
		t.Errorf("go-spiffe reads %+v", svid)
	}
	if _, err := jwtsvid.ParseAndValidate(tampered(c.Token, 1), bundle, []string{audience}); err == nil {
		t.Error("go-spiffe accepts a token with other claims")
	}
	if _, err := jwtsvid.ParseAndValidate(c.Token, bundle, []string{"https://other.internal"}); err == nil {
		t.Error("go-spiffe accepts a token for somebody else")
	}
}

// An access token is no JWT-SVID, and Ed25519 keys are not in the bundle: SPIFFE does not allow them.
func TestProfilesAreNotMixedUp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	r.write(t, "keys/ed", fields{"algorithm": "Ed25519"})
	r.contract(t, "access", nil)
	c := r.mint(t, r.orders.Client, "access", nil)

	document, _ := r.public(t, "ramp/bundle")
	bundle, err := spiffebundle.Parse(spiffeid.RequireTrustDomainFromString("127.0.0.1"), document)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jwtsvid.ParseAndValidate(c.Token, bundle, []string{audience}); err == nil || !strings.Contains(err.Error(), "typ") {
		t.Errorf("go-spiffe on an access token: %v", err)
	}
	signing := 0
	for _, v := range r.read(t, "keys/ed")["keys"].([]any) {
		kid := v.(map[string]any)["kid"].(string)
		if _, found := bundle.FindJWTAuthority(kid); found {
			t.Errorf("Ed25519 key %s is in the SPIFFE bundle", kid)
		}
		signing++
	}
	if signing != 2 || len(bundle.JWTAuthorities()) != 2 {
		t.Errorf("the set has %d keys, the bundle %d", signing, len(bundle.JWTAuthorities()))
	}
}
