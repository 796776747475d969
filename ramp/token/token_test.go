package token_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

func TestIDs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		contract := rapid.StringMatching(`[a-z2-7]{1,16}`).Draw(t, "contract")
		serial := rapid.Uint64().Draw(t, "serial")
		c, n, err := token.ParseID(token.ID(contract, serial))
		if err != nil || c != contract || n != serial {
			t.Fatalf("%s.%d came back as %s.%d, %v", contract, serial, c, n, err)
		}
	})
	for _, bad := range []string{
		"", ".", "abc", "abc.", ".7", "abc.-7", "abc.+7", "abc.07", "abc.7 ", " abc.7 ", "abc.7.8", "abc.0x7", "abc.7e1",
		"abc.18446744073709551616", "abc.٧", "abc." + strings.Repeat("9", 1000),
	} {
		if c, n, err := token.ParseID(bad); err == nil {
			t.Errorf("%.40q is %s and %d", bad, c, n)
		} else if len(err.Error()) > 200 {
			t.Errorf("%.40q: the error has %d bytes", bad, len(err.Error()))
		}
	}
	if c, n, err := token.ParseID("abc.18446744073709551615"); err != nil || c != "abc" || n != 1<<64-1 {
		t.Errorf("the last serial: %s %d %v", c, n, err)
	}
}

func TestClaims(t *testing.T) {
	c, err := token.ParseClaims([]byte(claims))
	if err != nil || c.ID != "abc.7" || c.ClientID != "e1" || c.Audience != "a" || !c.ExpiresAt().Equal(time.Unix(4, 0)) {
		t.Fatalf("%+v %v", c, err)
	}
	for _, bad := range []string{
		``, `null x`, `[]`, `"claims"`,
		`{"aud":["a"]}`, `{"aud":["a","b"]}`, `{"exp":"4"}`, `{"exp":4.5}`, `{"exp":1e99}`, `{"jti":7}`, `{"status":{"status_list":{"idx":-1}}}`,
		`{"exp":4,"exp":9}`, `{"iss":"a","\u0069ss":"b"}`, `{"cnf":{"jkt":"a","jkt":"b"}}`,
	} {
		if c, err := token.ParseClaims([]byte(bad)); err == nil {
			t.Errorf("%s: %+v", bad, c)
		}
	}
	for _, bad := range []string{
		`{"EXP":99,"exp":4}`, `{"exp":4,"Exp":4}`, `{"exp":4,"Scope":"admin"}`, `{"exp":4,"ſub":"admin"}`, `{"exp":4,"cnf":{"JKT":"a"}}`,
		`{"exp":4,"status":{"status_list":{"idx":7,"IDX":8}}}`, `{"exp":4,"other":{"a":1,"a":2}}`, "{\"exp\":4,\"sub\":\"\xff\"}",
		`{"exp":4,"sub":"\ud800"}`, `{"exp":4} {}`, `{"exp":4,}`, `{"exp":04}`, `{"exp":9223372036854775808}`, `{"exp":4e0}`, `{"other":` + strings.Repeat("[", 20_000),
	} {
		if c, err := token.ParseClaims([]byte(bad)); err == nil {
			t.Errorf("%.100s: %+v", bad, c)
		}
	}
	c, err = token.ParseClaims([]byte(`{"exp":4,"unknown":1,"EXPIRY":{"exp":9}}`))
	if err != nil || c.Expiry != 4 {
		t.Errorf("a member that is not ours: %+v %v", c, err)
	}
}

// A token says what RFC 9068 and the SPIFFE standard call it, in whole numbers.
func TestClaimNames(t *testing.T) {
	text, err := json.Marshal(token.Claims{
		Issuer: "i", Subject: "s", Audience: "a", Expiry: 1, NotBefore: 2, IssuedAt: 3, ID: "j", ClientID: "c", Scope: "x",
		Confirmation: &token.Confirmation{JKT: "t", X5T: "u"},
		Status:       &token.Status{List: token.StatusRef{Index: 7, URI: "l"}},
		Ramp:         &token.Ramp{Contract: "n", ID: "d", Revision: "r", Serial: 7},
	})
	const want = `{"iss":"i","sub":"s","aud":"a","exp":1,"nbf":2,"iat":3,"jti":"j","client_id":"c","scope":"x","cnf":{"jkt":"t","x5t#S256":"u"},` +
		`"status":{"status_list":{"idx":7,"uri":"l"}},"ramp":{"contract":"n","id":"d","revision":"r","serial":7}}`
	if err != nil || string(text) != want {
		t.Errorf("%s %v\nwant %s", text, err, want)
	}
	if got := token.AccessToken.Type() + " " + token.SVID.Type(); got != "at+jwt JWT" {
		t.Errorf("types of the profiles: %s", got)
	}
}

func TestCallerHash(t *testing.T) {
	a, b := token.CallerHash("e1"), token.CallerHash("e2")
	if a == b || a != token.CallerHash("e1") || strings.Contains(a, "e1") || len(a) != 22 {
		t.Errorf("hashes %s and %s", a, b)
	}
}
