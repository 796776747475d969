package ramp_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

func TestScopeTokens(t *testing.T) {
	for _, ok := range []string{"a", "invoices:read", "https://x.example/s", "!#$%&'()*+-./:;<=>?@[]^_`{|}~", strings.Repeat("s", 256)} {
		if s, err := ramp.NewScopes(ok); err != nil || s.String() != ok || !s.Has(ok) {
			t.Errorf("%.40q: %v %v", ok, s, err)
		}
	}
	for _, bad := range []string{"", strings.Repeat("s", 257), "a b", "a,b", `a"b`, `a\b`, "a\tb", "ä", "a\x7f", "\xff"} {
		if s, err := ramp.NewScopes("fine", bad); err == nil || s != nil {
			t.Errorf("%.40q makes %v", bad, s)
		}
	}
}

// Every byte is tried: a token is printable ASCII without space, quote,
// backslash (RFC 6749 section 3.3) and comma, which separates them in Vault.
func TestScopeBytes(t *testing.T) {
	for b := range 256 {
		_, err := ramp.NewScopes("x" + string([]byte{byte(b)}) + "x")
		if want := b > ' ' && b <= '~' && !strings.ContainsRune(`"\,`, rune(b)); (err == nil) != want {
			t.Errorf("byte %#x: %v", b, err)
		}
	}
}

func TestScopesAreSets(t *testing.T) {
	set := func(t *rapid.T, label string) (ramp.Scopes, []string) {
		tokens := rapid.SliceOf(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})).Draw(t, label)
		s, err := ramp.NewScopes(tokens...)
		if err != nil {
			t.Fatal(err)
		}
		return s, tokens
	}
	rapid.Check(t, func(t *rapid.T) {
		a, inA := set(t, "a")
		b, inB := set(t, "b")
		wasA, wasB := slices.Clone(a), slices.Clone(b)
		both, missing := a.Intersect(b), a.Missing(b)
		for _, s := range []string{"a", "b", "c", "d", "e"} {
			x, y := slices.Contains(inA, s), slices.Contains(inB, s)
			if a.Has(s) != x || both.Has(s) != (x && y) || missing.Has(s) != (x && !y) {
				t.Fatalf("%q: %v ∩ %v = %v, missing %v", s, a, b, both, missing)
			}
		}
		if (missing == nil) != (len(both) == len(a)) || !slices.IsSorted(both) || !slices.IsSorted(missing) {
			t.Fatalf("%v ∩ %v = %v, missing %v", a, b, both, missing)
		}
		if !slices.Equal(a, wasA) || !slices.Equal(b, wasB) {
			t.Fatal("a set was changed by looking at it")
		}
	})
}
