package verify_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/condition"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

func conditional(i *verifytest.Issuer, expression string) string {
	return i.Issue(verifytest.Token{Conditions: []ramp.ConditionTerms{{Name: "strict", Expression: expression}}})
}

// Whatever comes in the place of the document that a token names, its
// conditions are asked, or it is refused.
func TestConditionsCannotBeSwapped(t *testing.T) {
	i := verifytest.New(t)
	f := newFront(t, i)
	lax := `[{"name":"strict","expression":"true"}]`
	for name, change := range map[string]func(string) (int, string){
		"lax ones":         func(string) (int, string) { return http.StatusOK, lax },
		"none":             func(string) (int, string) { return http.StatusOK, "[]" },
		"null":             func(string) (int, string) { return http.StatusOK, "null" },
		"nothing":          func(string) (int, string) { return http.StatusOK, "" },
		"a space more":     func(body string) (int, string) { return http.StatusOK, body + " " },
		"half":             func(body string) (int, string) { return http.StatusOK, body[:len(body)/2] },
		"error":            func(body string) (int, string) { return http.StatusInternalServerError, body },
		"not found":        func(string) (int, string) { return http.StatusNotFound, "" },
		"far too much":     func(string) (int, string) { return http.StatusOK, strings.Repeat(lax, 1<<16) },
		"one word changed": func(body string) (int, string) { return http.StatusOK, strings.Replace(body, "nobody", "e-orders", 1) },
	} {
		v := newVerifier(t, i, f.behind(func(c *verify.Config) { c.Conditions = condition.NewUseCompiler().Compile }))
		f.set("conditions", change)
		raw := conditional(i, `caller.id == "nobody"`)
		for range 2 {
			if got := reason(second(v.Verify(t.Context(), raw, verify.Requirements{}))); got != verify.Conditions {
				t.Errorf("%s: %q", name, got)
			}
		}
	}
}

// A token whose conditions cannot be fetched is refused, which costs the
// issuer one request in five seconds, and accepted when they can.
func TestConditionsThatCannotBeFetched(t *testing.T) {
	i := verifytest.New(t)
	f := newFront(t, i)
	var step atomic.Int64
	v := newVerifier(t, i, f.behind(func(c *verify.Config) {
		c.Conditions, c.MaxStaleness = condition.NewUseCompiler().Compile, time.Hour
		steppable(&step)(c)
	}))
	f.set("conditions", func(string) (int, string) { return http.StatusServiceUnavailable, "" })
	raw := conditional(i, `caller.id == "e-orders"`)
	for range 20 {
		if got := reason(second(v.Verify(t.Context(), raw, verify.Requirements{}))); got != verify.Conditions {
			t.Errorf("%q", got)
		}
	}
	if n := f.count("conditions"); n != 1 {
		t.Errorf("20 requests fetched %d times", n)
	}
	f.set("conditions", nil)
	step.Store(int64(6 * time.Second))
	for range 3 {
		if _, err := v.Verify(t.Context(), raw, verify.Requirements{}); err != nil {
			t.Error(err)
		}
	}
	if n := f.count("conditions"); n != 2 {
		t.Errorf("fetched %d times", n)
	}
}

// Conditions that do not compile, run into an error, or cost too much deny.
func TestConditionsThatFailDeny(t *testing.T) {
	i := verifytest.New(t)
	v := newVerifier(t, i, func(c *verify.Config) { c.Conditions = condition.NewUseCompiler().Compile })
	for _, expression := range []string{
		`nonsense(`, `unknown.name`, `"text"`, `request.scopes[0] == "x"`, `1 / 0 == 1`, `caller.id`, ``,
		`[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, [1,2,3,4,5,6,7,8,9].all(d, [1,2,3,4,5,6,7,8,9].all(e, a+b+c+d+e > 0)))))`,
	} {
		raw := conditional(i, expression)
		for range 2 {
			if got := reason(second(v.Verify(t.Context(), raw, verify.Requirements{}))); got != verify.Conditions {
				t.Errorf("%.40s: %q", expression, got)
			}
		}
	}
}

// Who leaves while conditions are fetched does not deny them to others.
func TestLeavingDoesNotDenyConditions(t *testing.T) {
	i := verifytest.New(t)
	v := newVerifier(t, i, func(c *verify.Config) { c.Conditions = condition.NewUseCompiler().Compile })
	raw := conditional(i, `caller.id == "e-orders"`)
	if _, err := v.Verify(ended(), raw, verify.Requirements{}); reason(err) != verify.Conditions {
		t.Errorf("%v", err)
	}
	if _, err := v.Verify(t.Context(), raw, verify.Requirements{}); err != nil {
		t.Error(err)
	}
}
