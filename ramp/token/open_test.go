package token_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

func TestOpen(t *testing.T) {
	i := newIssuer(t)
	for kind, alg := range map[string]string{"ec": "ES256", "rsa": "RS256", "ed": "EdDSA"} {
		raw := i.sign(t, kind, `{"alg":"`+alg+`","kid":"`+kind+`","typ":"at+jwt"}`, claims)
		h, payload, err := token.Open(raw, i.keys, token.TypeSVID, token.TypeAccessToken)
		if err != nil || string(payload) != claims || h != (token.Header{Algorithm: alg, KeyID: kind, Type: "at+jwt"}) {
			t.Errorf("%s: %+v %s %v", alg, h, payload, err)
		}
	}
}

// All of these bear a signature that fits their header and the published key.
func TestHeadersThatAreRefused(t *testing.T) {
	i := newIssuer(t)
	for _, tc := range []struct{ kind, header, says string }{
		{"", `{"alg":"none","kid":"ec","typ":"at+jwt"}`, "its key is for ES256"},
		{"ec", `{"alg":"none","kid":"ec","typ":"at+jwt"}`, "its key is for ES256"},
		{"ec", `{"alg":"","kid":"ec","typ":"at+jwt"}`, "its key is for ES256"},
		{"ec", `{"kid":"ec","typ":"at+jwt"}`, "its key is for ES256"},
		{"ec", `{"alg":"es256","kid":"ec","typ":"at+jwt"}`, "its key is for ES256"},
		{"hmac of the public key", `{"alg":"HS256","kid":"ec","typ":"at+jwt"}`, "its key is for ES256"},
		{"hmac of the public key", `{"alg":"ES256","kid":"ec","typ":"at+jwt"}`, "signature"},
		{"ec", `{"alg":"ES384","kid":"ec","typ":"at+jwt"}`, "its key is for ES256"},
		{"pss", `{"alg":"PS256","kid":"rsa","typ":"at+jwt"}`, "its key is for RS256"},
		{"pss", `{"alg":"RS256","kid":"rsa","typ":"at+jwt"}`, "signature"},
		{"ec", `{"alg":"RS256","kid":"rsa","typ":"at+jwt"}`, "signature"},
		{"rsa", `{"alg":"ES256","kid":"ec","typ":"at+jwt"}`, "signature"},
		{"ec", `{"alg":"ES256","kid":"ec","typ":"JWT"}`, "typ"},
		{"ec", `{"alg":"ES256","kid":"ec","typ":"AT+JWT"}`, "typ"},
		{"ec", `{"alg":"ES256","kid":"ec","typ":"application/at+jwt"}`, "typ"},
		{"ec", `{"alg":"ES256","kid":"ec","typ":"statuslist+jwt"}`, "typ"},
		{"ec", `{"alg":"ES256","kid":"ec","typ":""}`, "typ"},
		{"ec", `{"alg":"ES256","kid":"ec"}`, "typ"},
		{"ec", `{"alg":"ES256","kid":"EC","typ":"at+jwt"}`, token.ErrUnknownKey.Error()},
		{"ec", `{"alg":"ES256","typ":"at+jwt"}`, token.ErrUnknownKey.Error()},
		{"ec", `{"alg":"ES256","kid":"ec","typ":"at+jwt","jwk":"{}"}`, `the parameter "jwk"`},
		{"ec", `{"alg":"ES256","kid":"ec","typ":"at+jwt","jku":"https://evil.example/jwks"}`, `the parameter "jku"`},
		{"ec", `{"alg":"ES256","kid":"ec","typ":"at+jwt","x5u":"https://evil.example/crt"}`, `the parameter "x5u"`},
		{"ec", `{"alg":"ES256","kid":"ec","typ":"at+jwt","x5c":"AAAA"}`, `the parameter "x5c"`},
		{"ec", `{"alg":"ES256","kid":"ec","typ":"at+jwt","x5t":"AAAA"}`, `the parameter "x5t"`},
		{"ec", `{"alg":"ES256","kid":"ec","typ":"at+jwt","cty":"JWT"}`, `the parameter "cty"`},
		{"ec", `{"alg":"ES256","kid":"ec","typ":"at+jwt","zip":"DEF"}`, `the parameter "zip"`},
		{"ec", `{"alg":"ES256","kid":"ec","typ":"at+jwt","nonce":"n"}`, `the parameter "nonce"`},
		{"ec", `{"alg":"ES256","kid":"ec","typ":"at+jwt","jwk":{"kty":"EC"}}`, `the parameter "jwk"`},
		{"ec", `{"alg":"ES256","kid":"ec","typ":"at+jwt","x5c":["AAAA"]}`, `the parameter "x5c"`},
		{"ec", `{"alg":"ES256","kid":"ec","typ":"at+jwt","crit":["exp"],"exp":1}`, `the parameter "crit"`},
		{"ec", `{"alg":"ES256","kid":"ec","typ":"at+jwt","crit":[]}`, `the parameter "crit"`},
		{"ec", `{"alg":"ES256","kid":"ec","typ":"at+jwt","b64":false}`, `the parameter "b64"`},
		{"ec", `{"alg":"ES256","kid":"ec","typ":["at+jwt"]}`, "not a JSON object of strings"},
		{"ec", `{"alg":"ES256","alg":"ES256","kid":"ec","typ":"at+jwt"}`, "distinct names"},
		{"ec", `{"typ":"JWT","alg":"ES256","kid":"ec","typ":"at+jwt"}`, "distinct names"},
		{"ec", `{"alg":"none","\u0061lg":"ES256","kid":"ec","typ":"at+jwt"}`, "distinct names"},
		{"ec", `{"alg":"ES256","kid":"ec","typ":"at+jwt","ALG":"none"}`, `the parameter "ALG"`},
		{"ec", `{"Alg":"ES256","Kid":"ec","Typ":"at+jwt"}`, "the parameter"},
		{"ec", `{"alg":"ES256","\u212aid":"ec","typ":"at+jwt"}`, "the parameter"}, // KELVIN SIGN folds to k
		{"ec", `{"alg":"ES256","kid":"ec","typ":"at+jwt"}{}`, "not a JSON object"},
		{"ec", `["ES256"]`, "not a JSON object"},
		{"ec", `"ES256"`, "not a JSON object"},
		{"ec", ``, "not a JSON object"},
	} {
		raw := i.sign(t, tc.kind, tc.header, claims)
		if err := open(i, raw); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s signed with %q: %v, want an error with %q", tc.header, tc.kind, err, tc.says)
		}
	}
	err := open(i, i.sign(t, "ec", `{"alg":"ES256","kid":"gone","typ":"at+jwt"}`, claims))
	if !errors.Is(err, token.ErrUnknownKey) {
		t.Errorf("an unknown key must be told apart, so that verifiers fetch keys: %v", err)
	}
}

// Header, payload and signature have one spelling each, so that nobody can make
// other texts of a token. (Who has an ECDSA signature can still make its mirror
// image: what counts is the jti.)
func TestSpellingsThatAreRefused(t *testing.T) {
	i := newIssuer(t)
	const header = `{"alg":"ES256","kid":"ec","typ":"at+jwt"}`
	good := i.sign(t, "ec", header, claims)
	if err := open(i, good); err != nil {
		t.Fatal(err)
	}
	part := strings.Split(good, ".")
	spellings := map[string]string{
		"empty":                   "",
		"dots":                    "..",
		"two parts":               part[0] + "." + part[1],
		"four parts":              good + ".AAAA",
		"detached payload":        part[0] + ".." + part[2],
		"no signature":            part[0] + "." + part[1] + ".",
		"padding":                 good + "==",
		"padding in the header":   part[0] + "=." + part[1] + "." + part[2],
		"standard base64":         part[0] + "." + part[1] + "." + strings.NewReplacer("-", "+", "_", "/").Replace(part[2]) + "+",
		"leading space":           " " + good,
		"trailing space":          good + " ",
		"Bearer":                  "Bearer " + good,
		"quoted":                  `"` + good + `"`,
		"a byte":                  good + "\x00",
		"JSON serialization":      `{"payload":"` + part[1] + `","signatures":[{"protected":"` + part[0] + `","signature":"` + part[2] + `"}]}`,
		"flattened serialization": `{"payload":"` + part[1] + `","protected":"` + part[0] + `","signature":"` + part[2] + `"}`,
		"other payload":           part[0] + "." + b64.EncodeToString([]byte(`{"scope":"admin"}`)) + "." + part[2],
		"too long":                i.sign(t, "ec", header, strings.Repeat(" ", token.MaxSize)),
		"too long header":         strings.Repeat("A", token.MaxSize) + ".A.A",
	}
	for _, newline := range []string{"\n", "\r", "\r\n"} {
		spellings["after it"+newline] = good + newline
		spellings["in the header"+newline] = part[0][:9] + newline + part[0][9:] + "." + part[1] + "." + part[2]
		spellings["in the payload"+newline] = part[0] + "." + part[1][:9] + newline + part[1][9:] + "." + part[2]
		spellings["in the signature"+newline] = part[0] + "." + part[1] + "." + part[2][:9] + newline + part[2][9:]
	}
	for n, s := range part {
		for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
			other := strings.Split(good, ".")
			other[n] = s[:len(s)-1] + string(c)
			if other[n] != s {
				spellings["last character of part "+string(rune('0'+n))+" is "+string(c)] = strings.Join(other, ".")
			}
		}
	}
	for name, raw := range spellings {
		if err := open(i, raw); err == nil {
			t.Errorf("%s: accepted", name)
		} else if len(err.Error()) > 300 {
			t.Errorf("%s: the error quotes %d bytes", name, len(err.Error()))
		}
	}
}

func TestSizeIsCheckedFirst(t *testing.T) {
	i := newIssuer(t)
	header := `{"alg":"ES256","kid":"ec","typ":"at+jwt"}`
	raw := i.sign(t, "ec", header, strings.Repeat(" ", (token.MaxSize-200)*3/4))
	if err := open(i, raw); err != nil || len(raw) > token.MaxSize {
		t.Errorf("a token of %d bytes: %v", len(raw), err)
	}
	if _, err := token.ParseHeader(strings.Repeat(".", token.MaxSize+1)); err == nil || !strings.Contains(err.Error(), "the limit is 16384") {
		t.Errorf("above the limit: %v", err)
	}
}

func TestParseHeader(t *testing.T) {
	i := newIssuer(t)
	h, err := token.ParseHeader(i.sign(t, "ec", `{"typ":"JWT","alg":"ES256","kid":"any"}`, claims))
	if err != nil || h != (token.Header{Algorithm: "ES256", KeyID: "any", Type: "JWT"}) {
		t.Errorf("%+v %v", h, err)
	}
	for _, raw := range []string{"", "a.b", "*.b.c", b64.EncodeToString([]byte(`{"x":"y"}`)) + ".b.c"} {
		if h, err := token.ParseHeader(raw); err == nil || h != (token.Header{}) {
			t.Errorf("%q: %+v %v", raw, h, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	i := newIssuer(f)
	good := i.sign(f, "ec", `{"alg":"ES256","kid":"ec","typ":"at+jwt"}`, claims)
	f.Add(good)
	f.Add(i.sign(f, "rsa", `{"alg":"RS256","kid":"rsa","typ":"JWT"}`, claims))
	f.Add(i.sign(f, "ec", `{"alg":"ES256","kid":"ec","typ":"at+jwt","crit":["b64"],"b64":false}`, claims))
	f.Add("e30.e30.")
	f.Add("..")
	f.Fuzz(func(t *testing.T, raw string) {
		h, payload, err := token.Open(raw, i.keys, token.TypeAccessToken, token.TypeSVID)
		if again := open(i, raw, token.TypeAccessToken, token.TypeSVID); fmt.Sprint(again) != fmt.Sprint(err) {
			t.Fatalf("%q: %v, then %v", raw, err, again)
		}
		if err == nil && (string(payload) != claims || raw != good && h.Type != token.TypeSVID) {
			t.Fatalf("%q passes for a token", raw)
		}
		if _, err := token.ParseClaims(payload); err == nil && payload == nil {
			t.Fatal("claims of nothing")
		}
	})
}
