package verify_test

import (
	"errors"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/condition"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

func newVerifier(t testing.TB, i *verifytest.Issuer, change func(*verify.Config)) *verify.Verifier {
	t.Helper()
	c := verify.Config{Issuer: i.URL, Audience: verifytest.DefaultAudience, OnError: func(err error) { t.Log(err) }}
	if change != nil {
		change(&c)
	}
	v, err := verify.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

func reason(err error) verify.Reason {
	if err == nil {
		return ""
	}
	var r *verify.Refusal
	if !errors.As(err, &r) {
		return "not a refusal: " + verify.Reason(err.Error())
	}
	return r.Reason
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 30 s for %s", what)
		}
	}
}

func TestStory(t *testing.T) {
	for _, algorithm := range []string{"ES256", "ES384", "RS256", "EdDSA"} {
		for _, svid := range []bool{false, true} {
			i := verifytest.New(t)
			i.RotateKey(algorithm)
			v := newVerifier(t, i, nil)
			raw := i.Issue(verifytest.Token{Scopes: []string{"invoices:read", "invoices:write"}, Stage: "canary", Generation: "v7", SVID: svid})
			for range 2 { // unknown, then known
				id, err := v.Verify(t.Context(), raw, verify.Requirements{Scopes: []string{"invoices:read"}})
				if err != nil || id.Caller != "e-orders" || id.ContractID != "orders" || len(id.Scopes) != 2 || id.Subject != "spiffe://example.com/entity/e-orders" {
					t.Fatalf("%s: %+v %v", algorithm, id, err)
				}
				if !svid && (id.Contract != "orders" || id.Stage != "canary" || id.Generation != "v7") {
					t.Errorf("%+v", id)
				}
				id.Scopes[0] = "admin" // the caller's copy
			}
			if got := reason(second(v.Verify(t.Context(), raw, verify.Requirements{Scopes: []string{"admin"}}))); got != verify.Scope {
				t.Errorf("refused for %q", got)
			}
			other := i.Issue(verifytest.Token{})
			i.Revoke(raw)
			eventually(t, "the revocation", func() bool {
				return reason(second(v.Verify(t.Context(), raw, verify.Requirements{}))) == verify.Revoked
			})
			if _, err := v.Verify(t.Context(), other, verify.Requirements{}); err != nil {
				t.Errorf("an innocent token: %v", err)
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }

// Each kind of death reaches a verifier that has the token in its cache.
func TestDeaths(t *testing.T) {
	for name, kill := range map[string]func(*verifytest.Issuer, string){
		"serial":   func(i *verifytest.Issuer, raw string) { i.Revoke(raw) },
		"contract": func(i *verifytest.Issuer, _ string) { i.RevokeContract("orders") },
		"caller":   func(i *verifytest.Issuer, _ string) { i.SuspendCaller("e-orders") },
		"key":      func(i *verifytest.Issuer, _ string) { i.RevokeKey() },
	} {
		i := verifytest.New(t)
		v := newVerifier(t, i, nil)
		raw := i.Issue(verifytest.Token{})
		if _, err := v.Verify(t.Context(), raw, verify.Requirements{}); err != nil {
			t.Fatal(err)
		}
		kill(i, raw)
		eventually(t, name, func() bool {
			return reason(second(v.Verify(t.Context(), raw, verify.Requirements{}))) == verify.Revoked
		})
		fresh := newVerifier(t, i, nil)
		if got := reason(second(fresh.Verify(t.Context(), raw, verify.Requirements{}))); got != verify.Revoked && got != verify.UnknownKey {
			t.Errorf("%s: a new verifier says %q", name, got)
		}
	}
}

func TestConditions(t *testing.T) {
	i := verifytest.New(t)
	compile := condition.NewUseCompiler().Compile
	v := newVerifier(t, i, func(c *verify.Config) { c.Conditions = compile })
	with := func(expressions ...string) string {
		token := verifytest.Token{Scopes: []string{"x"}}
		for n, e := range expressions {
			token.Conditions = append(token.Conditions, ramp.ConditionTerms{Name: string(rune('a' + n)), Expression: e})
		}
		return i.Issue(token)
	}
	if _, err := v.Verify(t.Context(), with(`caller.id == "e-orders"`, `"x" in request.scopes`), verify.Requirements{}); err != nil {
		t.Error(err)
	}
	for _, raw := range []string{with(`true`, `stage == "full"`), with(`request.remote_address != ""`)} {
		if err := second(v.Verify(t.Context(), raw, verify.Requirements{})); reason(err) != verify.Conditions {
			t.Errorf("%v", err)
		} else {
			t.Log(err)
		}
	}
	cannot := newVerifier(t, i, nil)
	if err := second(cannot.Verify(t.Context(), with(`true`), verify.Requirements{})); reason(err) != verify.Conditions {
		t.Errorf("without a compiler: %v", err)
	}
}

func TestStale(t *testing.T) {
	i := verifytest.New(t)
	now := time.Now()
	shift := func() time.Duration { return 0 }
	v := newVerifier(t, i, func(c *verify.Config) { c.Now = func() time.Time { return now.Add(shift()) } })
	status, expiry := i.Issue(verifytest.Token{}), i.Issue(verifytest.Token{Expiry: true})
	if err := v.Fresh(); err != nil {
		t.Error(err)
	}
	i.SetDown(true)
	v.Close()
	shift = func() time.Duration { return 31 * time.Second }
	if err := second(v.Verify(t.Context(), status, verify.Requirements{})); reason(err) != verify.Stale || v.Fresh() == nil {
		t.Errorf("%v, %v", err, v.Fresh())
	}
	if _, err := v.Verify(t.Context(), expiry, verify.Requirements{}); err != nil {
		t.Error(err)
	}
}
