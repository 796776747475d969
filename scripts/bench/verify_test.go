//go:build bench

package bench

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

const (
	verifyLaps   = 200 // per algorithm
	verifyTokens = 16  // in a lap
)

// TestVerify compares what it costs to accept a token: its signature alone,
// this library, and others that are made to check as much.
func TestVerify(t *testing.T) {
	fmt.Printf("\nMicroseconds to accept a token (signature, iss, aud, exp, typ), the best of %d laps of %d tokens, and in units of its signature alone\n", verifyLaps, verifyTokens)
	fmt.Printf("%-7s %14s %14s %14s %14s %14s %14s\n", "", "signature", "first sight", "known", "golang-jwt", "go-oidc", "jwx")
	for _, algorithm := range []string{"ES256", "ES384", "RS256", "EdDSA"} {
		i := verifytest.New(t)
		i.RotateKey(algorithm)
		kid, private := i.SigningKey()
		p := peer{algorithm: algorithm, kid: kid, public: private.Public(), issuer: i.URL, audience: verifytest.DefaultAudience}
		ours := func() func(string) error {
			v, err := verify.New(t.Context(), verify.Config{Issuer: i.URL, Audience: verifytest.DefaultAudience})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(v.Close)
			return func(raw string) error { _, err := v.Verify(t.Context(), raw, verify.Requirements{}); return err }
		}
		raws := make([]string, verifyTokens)
		for n := range raws {
			raws[n] = i.Issue(verifytest.Token{Scopes: []string{"invoices:read", "invoices:write"}})
		}
		mustRefuse(t, &p, ours(), i)
		known, golangJWT, goOIDC, jwx := ours(), p.golangJWT(), p.goOIDC(), p.jwx(t)
		best := make([]time.Duration, 6)
		for range verifyLaps { // all in turn, so that a busy moment hits all of them
			for n, accept := range []func(string) error{p.signature, ours(), known, golangJWT, goOIDC, jwx} {
				d := lap(t, accept, raws)
				if best[n] == 0 || d < best[n] {
					best[n] = d
				}
			}
		}
		fmt.Printf("%-7s", algorithm)
		for _, d := range best {
			fmt.Printf(" %6.2f (%.2fx)", float64(d.Nanoseconds())/1e3, float64(d)/float64(best[0]))
		}
		fmt.Println()
	}
}

// lap is the time that one token takes, on average.
func lap(t *testing.T, accept func(string) error, raws []string) time.Duration {
	began := time.Now()
	for _, raw := range raws {
		if err := accept(raw); err != nil {
			t.Fatal(err)
		}
	}
	return time.Since(began) / time.Duration(len(raws))
}

// mustRefuse makes sure that all are equally strict.
func mustRefuse(t *testing.T, p *peer, ours func(string) error, i *verifytest.Issuer) {
	good := i.Issue(verifytest.Token{})
	changed := []byte(good)
	at := slices.Index(changed, '.') + 20
	changed[at] ^= 1
	elsewhere := verifytest.New(t)
	parts := strings.Split(good, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	bad := map[string]string{
		"signature": string(changed),
		"expired":   i.Issue(verifytest.Token{TTL: -time.Minute}),
		"audience":  i.Issue(verifytest.Token{Audience: "https://billing.internal"}),
		"issuer":    i.Sign("at+jwt", json.RawMessage(strings.Replace(string(payload), i.URL, elsewhere.URL, 1))),
		"typ":       i.Sign("statuslist+jwt", json.RawMessage(payload)),
	}
	for library, accept := range map[string]func(string) error{"ramp": ours, "golang-jwt": p.golangJWT(), "go-oidc": p.goOIDC(), "jwx": p.jwx(t)} {
		if err := accept(good); err != nil {
			t.Fatalf("%s refuses a good token: %v", library, err)
		}
		for name, raw := range bad {
			if accept(raw) == nil {
				t.Fatalf("%s does not check %s", library, name)
			}
		}
	}
}
