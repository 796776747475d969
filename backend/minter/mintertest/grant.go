package mintertest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/minter"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

// made is a minter at work.
type made struct {
	Suite
	minter   minter.Minter
	contract *ramp.Contract
}

func begin(t testing.TB, s Suite, settings map[string]string) *made {
	t.Helper()
	c := s.contract(t, settings)
	m, err := s.Kind.Minter(c)
	if err != nil {
		t.Fatalf("settings %v: %v", settings, err)
	}
	return &made{s, m, c}
}

var issued = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

func (m *made) grant(serial uint64) *minter.Grant {
	return &minter.Grant{
		Grant: ramp.Grant{
			Subject: "spiffe://example.com/entity/e-orders", Audience: "https://payments.internal",
			Scopes: ramp.Scopes{"invoices:read", "invoices:write"}, TTL: 300, Expiry: issued.Add(time.Hour), Renewable: true,
		},
		Contract: m.contract, Serial: serial, ClientID: "e-orders", Issued: issued, NotBefore: issued.Add(-30 * time.Second),
		Issuer: "https://vault.example.com/v1/ramp",
	}
}

// Mint mints a credential of a contract with the given settings, for what a
// test wants to know beyond the suite.
func Mint(t testing.TB, kind minter.Kind, settings map[string]string) *minter.Credential {
	t.Helper()
	m := begin(t, Suite{Kind: kind}, settings)
	c, err := m.minter.Mint(t.Context(), m.grant(0))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Try returns what keeps a kind from working by a contract with the given
// settings and subject template.
func Try(t testing.TB, kind minter.Kind, settings map[string]string, subject string) error {
	t.Helper()
	_, err := kind.Minter(Suite{Kind: kind, Subject: subject}.contract(t, settings))
	return err
}

func (m *made) mint(t testing.TB, g *minter.Grant) Reading {
	t.Helper()
	c, err := m.minter.Mint(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	r := m.Read(t, c)
	if r.KeyID != c.KeyID {
		t.Errorf("signed with key %q, and the engine is told %q: who compromises one would not kill it", r.KeyID, c.KeyID)
	}
	return r
}

func testType(t *testing.T, s Suite) {
	if s.Kind.Type() == "" || s.Read == nil {
		t.Fatal("a suite needs a kind with a type, and a way to read credentials")
	}
	for _, good := range settings(s) {
		if a, b := s.Kind.Key(s.contract(t, good)), s.Kind.Key(s.contract(t, good)); a != b {
			t.Errorf("settings %v use key %q, then %q", good, a, b)
		}
	}
}

func testBadSettings(t *testing.T, s Suite) {
	bad := append(s.Bad, Bad{map[string]string{"no such setting": "x"}, "no such setting"})
	for _, b := range bad {
		m, err := s.Kind.Minter(s.contract(t, b.Settings))
		if err == nil || m != nil || b.Says == "" || !strings.Contains(err.Error(), b.Says) {
			t.Errorf("settings %v: %v, want an error that says %q", b.Settings, err, b.Says)
		}
	}
}

// testGrant: the credential gives what was granted and not a bit more.
func testGrant(t *testing.T, m *made) {
	g := m.grant(7)
	g.Confirmation = &token.Confirmation{JKT: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"}
	g.Status = &token.StatusRef{Index: 7, URI: g.Issuer + "/status/abcdefghijklmnop/0"}
	before := fmt.Sprintf("%+v", *g)
	r := m.mint(t, g)
	want := Reading{
		ID: "abcdefghijklmnop.7", Serial: 7, Contract: "abcdefghijklmnop", Subject: g.Subject, Audience: g.Audience,
		NotBefore: g.NotBefore, Expiry: g.Expiry, Status: g.Status.URI, Bound: g.Confirmation.JKT, KeyID: r.KeyID, Scopes: r.Scopes,
	}
	if got := fmt.Sprintf("%+v", r); got != fmt.Sprintf("%+v", want) {
		t.Errorf("minted\n%s\ngranted\n%+v", got, want)
	}
	subset(t, r.Scopes, g.Scopes)
	if now := fmt.Sprintf("%+v", *g); now != before {
		t.Errorf("minting changed the grant from\n%s to\n%s", before, now)
	}
	plain := m.mint(t, m.grant(8))
	if plain.Status != "" || plain.Bound != "" {
		t.Errorf("without a status list and a key the credential has %+v", plain)
	}
}

// testNarrow: less granted is less given; nothing is taken from the contract.
func testNarrow(t *testing.T, m *made) {
	g := m.grant(9)
	g.Scopes, g.Expiry = ramp.Scopes{"invoices:read"}, issued.Add(time.Minute)
	r := m.mint(t, g)
	subset(t, r.Scopes, g.Scopes)
	if r.Expiry.After(g.Expiry) {
		t.Errorf("it ends at %s, granted is %s", r.Expiry, g.Expiry)
	}
}

func subset(t *testing.T, scopes, granted []string) {
	t.Helper()
	for _, s := range scopes {
		if !slices.Contains(granted, s) {
			t.Errorf("scope %q was not granted: %v", s, granted)
		}
	}
}

// testUnique: each serial is a credential of its own, also where numbers get large.
func testUnique(t *testing.T, m *made) {
	seen := map[string]bool{}
	for _, serial := range []uint64{0, 1, 2, 1 << 17, 1 << 32, 1<<53 + 1, 1<<63 + 1, 1<<64 - 1} {
		r := m.mint(t, m.grant(serial))
		if r.Serial != serial || r.ID == "" || seen[r.ID] {
			t.Errorf("serial %d is minted as %d with id %q", serial, r.Serial, r.ID)
		}
		seen[r.ID] = true
	}
}

// testConcurrent is worth most with -race.
func testConcurrent(t *testing.T, m *made) {
	var mu sync.Mutex
	seen := map[string]bool{}
	var wg sync.WaitGroup
	for worker := range uint64(4) {
		wg.Go(func() {
			for n := range uint64(10) {
				g := m.grant(worker*10 + n)
				c, err := m.minter.Mint(t.Context(), g)
				if err != nil {
					t.Error(err)
					return
				}
				r := m.Read(t, c)
				mu.Lock()
				if r.Serial != g.Serial || seen[r.ID] {
					t.Errorf("serial %d came as %d with id %s, seen %t", g.Serial, r.Serial, r.ID, seen[r.ID])
				}
				seen[r.ID] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}
