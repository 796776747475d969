package jwt_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/keyring"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/minter"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/minter/jwt"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/minter/mintertest"
)

var signed = []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.ES384, jose.EdDSA}

// sets has a key set of each algorithm, named after it. They never change, so
// rings may share them.
func sets(t testing.TB) map[string]*keyring.Set {
	t.Helper()
	all := map[string]*keyring.Set{}
	for _, algorithm := range keyring.Algorithms {
		set, err := keyring.NewSet(algorithm, 0, 0, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		all[strings.ToLower(algorithm)] = set
	}
	return all
}

func ring(sets map[string]*keyring.Set, defaultAlgorithm string) *keyring.Ring {
	r := keyring.New(time.Now)
	r.Load(maps.Clone(sets))
	r.Put("default", sets[strings.ToLower(defaultAlgorithm)])
	return r
}

func TestConformance(t *testing.T) {
	sets := sets(t)
	for _, algorithm := range keyring.Algorithms {
		t.Run("default key "+algorithm, func(t *testing.T) {
			mintertest.Run(t, func(testing.TB) mintertest.Suite { return suite(ring(sets, algorithm)) })
		})
	}
}

func suite(keys *keyring.Ring) mintertest.Suite {
	s := mintertest.Suite{
		Kind: jwt.Kind{Keys: keys},
		Good: []map[string]string{{"profile": "access_token"}, {"profile": "", "key": ""}},
		Bad: []mintertest.Bad{
			{Settings: map[string]string{"profile": "id_token"}, Says: `profile "id_token" is unknown`},
			{Settings: map[string]string{"profil": "jwt_svid"}, Says: `unknown setting "profil"`},
			{Settings: map[string]string{"key": "none"}, Says: `there is no key "none"`},
			{Settings: map[string]string{"profile": "jwt_svid", "key": "ed25519"}, Says: `key "ed25519" is Ed25519`},
			{Settings: map[string]string{"alg": "none"}, Says: `unknown setting "alg"`},
		},
		Read: func(t testing.TB, c *minter.Credential) mintertest.Reading { return read(t, keys, c) },
	}
	for _, a := range keyring.Algorithms {
		s.Good = append(s.Good, map[string]string{"profile": "access_token", "key": strings.ToLower(a)})
		if a != "Ed25519" { // SPIFFE has none of it
			s.Good = append(s.Good, map[string]string{"profile": "jwt_svid", "key": strings.ToLower(a)})
		}
	}
	return s
}

// read verifies a token with a published key, by another library.
func read(t testing.TB, keys *keyring.Ring, c *minter.Credential) mintertest.Reading {
	t.Helper()
	text := c.Data["token"].(string)
	jws, err := jose.ParseSignedCompact(text, signed)
	if err != nil {
		t.Fatal(err)
	}
	h := jws.Signatures[0].Header
	published := jose.JSONWebKeySet{Keys: keys.Published()}
	payload, err := jws.Verify(published.Key(h.KeyID)[0])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Sub, Aud, Jti, Scope string
		Nbf, Exp             int64
		Cnf                  struct{ Jkt string }
		Status               struct {
			List struct{ URI string } `json:"status_list"`
		}
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	if want := map[bool]string{true: "DPoP", false: "Bearer"}[claims.Cnf.Jkt != ""]; c.Data["token_type"] != want {
		t.Errorf("token type %v, want %s", c.Data["token_type"], want)
	}
	contract, serial, _ := strings.Cut(claims.Jti, ".")
	n, err := strconv.ParseUint(serial, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return mintertest.Reading{
		ID: claims.Jti, Serial: n, Contract: contract, Subject: claims.Sub, Audience: claims.Aud, Scopes: strings.Fields(claims.Scope),
		NotBefore: time.Unix(claims.Nbf, 0).UTC(), Expiry: time.Unix(claims.Exp, 0).UTC(), KeyID: h.KeyID, Status: claims.Status.List.URI, Bound: claims.Cnf.Jkt,
	}
}

// Headers and claims are those that RFC 9068 and SPIFFE name, and no others.
func TestProfiles(t *testing.T) {
	keys := ring(sets(t), "ES256")
	for profile, want := range map[string]struct {
		typ    string
		claims []string
	}{
		"access_token": {"at+jwt", []string{"aud", "client_id", "exp", "iat", "iss", "jti", "nbf", "ramp", "scope", "sub"}},
		"jwt_svid":     {"JWT", []string{"aud", "client_id", "exp", "iat", "iss", "jti", "nbf", "scope", "sub"}},
	} {
		jws := mintertest.Mint(t, jwt.Kind{Keys: keys}, map[string]string{"profile": profile}).Data["token"].(string)
		header, claims := decoded(t, jws, 0), decoded(t, jws, 1)
		if header["typ"] != want.typ || !slices.Equal(slices.Sorted(maps.Keys(header)), []string{"alg", "kid", "typ"}) {
			t.Errorf("%s: header %v", profile, header)
		}
		if !slices.Equal(slices.Sorted(maps.Keys(claims)), want.claims) {
			t.Errorf("%s: claims %v, want %v", profile, slices.Sorted(maps.Keys(claims)), want.claims)
		}
		if _, one := claims["aud"].(string); !one {
			t.Errorf("%s: aud %v is not one audience", profile, claims["aud"])
		}
	}
}

func TestSVIDsHaveASPIFFEID(t *testing.T) {
	kind := jwt.Kind{Keys: ring(sets(t), "ES256")}
	for template, ok := range map[string]bool{"": true, "spiffe://example.com/orders": true, "orders": false, "https://example.com/orders": false} {
		err := mintertest.Try(t, kind, map[string]string{"profile": "jwt_svid"}, template)
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "subject: profile jwt_svid needs a SPIFFE ID") {
			t.Errorf("template %q: %v", template, err)
		}
	}
}

func decoded(t *testing.T, jws string, part int) map[string]any {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(jws, ".")[part])
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	return members
}
