package jwt_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	golangjwt "github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/keyring"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/minter"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/minter/jwt"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

// Whatever is minted is accepted by this project's reader, by go-jose and by
// golang-jwt, and they read the same.
func TestPeersAcceptWhatIsMinted(t *testing.T) {
	sets := sets(t)
	keys := ring(sets, "ES256")
	var algorithms []string
	for _, a := range keyring.Algorithms {
		algorithms = append(algorithms, strings.ToLower(a))
	}
	rapid.Check(t, func(t *rapid.T) {
		key, profile := rapid.SampledFrom(algorithms).Draw(t, "key"), rapid.SampledFrom([]string{"access_token", "jwt_svid"}).Draw(t, "profile")
		if profile == "jwt_svid" && key == "ed25519" {
			t.Skip("refused when the contract is written")
		}
		terms := ramp.Terms{
			Service: "payments", CredentialType: "jwt", Credential: map[string]string{"key": key, "profile": profile},
			Scopes: ramp.Scopes{"invoices:read"}, BoundEntityIDs: []string{"e-orders"},
		}
		contract, err := ramp.NewContract("orders-to-payments", "abcdefghijklmnop", terms, nil)
		if err != nil {
			t.Fatal(err)
		}
		m, err := jwt.Kind{Keys: keys}.Minter(contract)
		if err != nil {
			t.Fatal(err)
		}
		g := grant(t, contract)
		credential, err := m.Mint(t.Context(), g)
		if err != nil {
			t.Fatal(err)
		}
		raw := credential.Data["token"].(string)

		_, payload, err := token.Open(raw, keys.Public, token.Profile(profile).Type())
		if err != nil {
			t.Fatalf("ours: %v", err)
		}
		ours, err := token.ParseClaims(payload)
		if err != nil || ours.Subject != g.Subject || ours.Audience != g.Audience || ours.Expiry != g.Expiry.Unix() || ours.Scope != g.Scopes.String() {
			t.Fatalf("ours: %+v, %v", ours, err)
		}
		jws, err := jose.ParseSignedCompact(raw, signed)
		if err != nil {
			t.Fatalf("go-jose: %v", err)
		}
		public, _ := keys.Public(jws.Signatures[0].Header.KeyID)
		if theirs, err := jws.Verify(public); err != nil || !slices.Equal(theirs, payload) {
			t.Fatalf("go-jose: %s, %v", theirs, err)
		}
		var theirs golangjwt.RegisteredClaims
		parser := golangjwt.NewParser(golangjwt.WithValidMethods([]string{public.Algorithm}), golangjwt.WithStrictDecoding(),
			golangjwt.WithIssuer(g.Issuer), golangjwt.WithAudience(g.Audience), golangjwt.WithSubject(g.Subject), golangjwt.WithExpirationRequired())
		if _, err := parser.ParseWithClaims(raw, &theirs, func(*golangjwt.Token) (any, error) { return public.Key, nil }); err != nil || theirs.ID != ours.ID {
			t.Fatalf("golang-jwt: %+v, %v", theirs, err)
		}
	})
}

func grant(t *rapid.T, contract *ramp.Contract) *minter.Grant {
	text := rapid.StringN(1, 60, 200)
	now := time.Now().Truncate(time.Second)
	return &minter.Grant{
		Grant: ramp.Grant{
			Subject: text.Draw(t, "subject"), Audience: text.Draw(t, "audience"),
			Scopes: rapid.SliceOfN(rapid.StringMatching(`[!#-\[\]-~]{1,20}`), 0, 5).Draw(t, "scopes"),
			Expiry: now.Add(time.Duration(rapid.Int64Range(60, 1<<31).Draw(t, "ttl")) * time.Second),
		},
		Contract: contract, Serial: rapid.Uint64().Draw(t, "serial"), ClientID: text.Draw(t, "client"), Issued: now, NotBefore: now.Add(-30 * time.Second),
		Issuer: "https://" + rapid.StringMatching(`[a-z.]{1,30}`).Draw(t, "host") + "/v1/ramp",
	}
}
