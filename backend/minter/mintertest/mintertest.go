// Package mintertest is the conformance suite that every credential type
// passes: what the engine relies on, whatever it mints.
package mintertest

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/minter"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// Suite is a credential type with what the suite has to know of it.
type Suite struct {
	Kind minter.Kind
	// Good lists settings, each of which a contract may have. The zero map is
	// tried in any case: a contract need not have settings.
	Good []map[string]string
	// Bad lists settings that must be refused.
	Bad []Bad
	// Subject is a template that fits all of Good, "" for the default.
	Subject string
	// Read says what a credential gives its holder. It reads what was minted
	// as a verifier would, by other code than the minter's.
	Read func(t testing.TB, c *minter.Credential) Reading
}

// Bad is settings that must be refused, with an error that says why.
type Bad struct {
	Settings map[string]string
	Says     string // part of the error: at least the name of what is wrong
}

// Reading is what a credential gives.
type Reading struct {
	ID        string // unique for ever
	Serial    uint64
	Contract  string // ID of the contract
	Subject   string
	Audience  string
	Scopes    []string
	NotBefore time.Time
	Expiry    time.Time
	KeyID     string // of the key that signed it, "" when there is none
	Status    string // where its revocation is published, "" when nowhere
	Bound     string // thumbprint of the key it is bound to, "" when there is none
}

// Run runs the suite. New is called for each test; kinds it returns share nothing.
func Run(t *testing.T, newSuite func(t testing.TB) Suite) {
	t.Helper()
	t.Run("type", func(t *testing.T) { testType(t, newSuite(t)) })
	t.Run("bad settings", func(t *testing.T) { testBadSettings(t, newSuite(t)) })
	for i, name := range names(newSuite(t)) {
		each := func(t *testing.T, test func(*testing.T, *made)) {
			t.Helper()
			s := newSuite(t)
			test(t, begin(t, s, settings(s)[i]))
		}
		t.Run(name+"/grant", func(t *testing.T) { each(t, testGrant) })
		t.Run(name+"/narrow", func(t *testing.T) { each(t, testNarrow) })
		t.Run(name+"/unique", func(t *testing.T) { each(t, testUnique) })
		t.Run(name+"/concurrent", func(t *testing.T) { each(t, testConcurrent) })
	}
}

func settings(s Suite) []map[string]string {
	return append([]map[string]string{nil}, s.Good...)
}

func names(s Suite) []string {
	var list []string
	for _, good := range settings(s) {
		var pairs []string
		for _, k := range slices.Sorted(maps.Keys(good)) {
			pairs = append(pairs, k+"="+good[k])
		}
		if pairs == nil {
			pairs = []string{"default settings"}
		}
		list = append(list, strings.Join(pairs, ","))
	}
	return list
}

func (s Suite) contract(t testing.TB, settings map[string]string) *ramp.Contract {
	t.Helper()
	c, err := ramp.NewContract("orders-to-payments", "abcdefghijklmnop", ramp.Terms{
		Service: "payments", CredentialType: s.Kind.Type(), Credential: settings, Scopes: ramp.Scopes{"invoices:read", "invoices:write"},
		BoundEntityIDs: []string{"e-orders"}, Subject: s.Subject,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
