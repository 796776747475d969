package ramp

import (
	"fmt"
	"slices"
	"strings"
)

// Scopes is a set of OAuth scope tokens (RFC 6749 section 3.3), sorted and
// without duplicates. Build one with [NewScopes].
type Scopes []string

const maxScope = 256

// NewScopes returns the set of the given tokens. A token is one or more
// printable ASCII characters other than space, quote, backslash and comma.
func NewScopes(tokens ...string) (Scopes, error) {
	set := make(Scopes, 0, len(tokens))
	for _, t := range tokens {
		if err := checkScope(t); err != nil {
			return nil, err
		}
		set = append(set, t)
	}
	slices.Sort(set)
	return slices.Compact(set), nil
}

func checkScope(t string) error {
	if t == "" || len(t) > maxScope {
		return fmt.Errorf("scope %.40q has %d bytes: it must have 1 to %d", t, len(t), maxScope)
	}
	for _, r := range t {
		if r <= ' ' || r > '~' || r == '"' || r == '\\' || r == ',' {
			return fmt.Errorf("scope %.80q has a character that scopes may not have (%q); separate several scopes with commas", t, r)
		}
	}
	return nil
}

// String is the set as the scope claim has it: tokens separated by spaces.
func (s Scopes) String() string { return strings.Join(s, " ") }

// Has reports whether t is in the set.
func (s Scopes) Has(t string) bool {
	_, found := slices.BinarySearch(s, t)
	return found
}

// Missing returns the tokens of s that are not in t, nil when s ⊆ t.
func (s Scopes) Missing(t Scopes) Scopes {
	var missing Scopes
	for _, v := range s {
		if !t.Has(v) {
			missing = append(missing, v)
		}
	}
	return missing
}

// Intersect returns the tokens that are in both sets. It returns s itself when
// s ⊆ t, so the common case allocates nothing.
func (s Scopes) Intersect(t Scopes) Scopes {
	for i, v := range s {
		if t.Has(v) {
			continue
		}
		both := slices.Clone(s[:i])
		for _, w := range s[i+1:] {
			if t.Has(w) {
				both = append(both, w)
			}
		}
		return both
	}
	return s
}
