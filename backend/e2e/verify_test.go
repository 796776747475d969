package e2e_test

import (
	"errors"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

// What a service does with each request: the library refuses for the right
// reason, and learns of a revocation by itself.
func TestVerifier(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	c := r.mint(t, r.orders.Client, "orders-to-payments", nil)

	v := r.verifier(t, audience)
	id, err := v.Verify(t.Context(), c.Token, verify.Requirements{Scopes: []string{"invoices:read"}})
	if err != nil || id.Caller != r.orders.EntityID || id.Contract != "orders-to-payments" {
		t.Fatalf("%+v %v", id, err)
	}
	tampered := []byte(c.Token)
	if at := len(tampered) - 10; tampered[at] == 'A' {
		tampered[at] = 'B'
	} else {
		tampered[at] = 'A'
	}
	for _, tc := range []struct {
		v     *verify.Verifier
		token string
		need  verify.Requirements
		want  verify.Reason
	}{
		{v, c.Token, verify.Requirements{Scopes: []string{"invoices:delete"}}, verify.Scope},
		{r.verifier(t, "https://other.internal"), c.Token, verify.Requirements{}, verify.Audience},
		{v, string(tampered), verify.Requirements{}, verify.Signature},
		{v, "not.a.token", verify.Requirements{}, verify.Malformed},
	} {
		if got := reason(tc.v.Verify(t.Context(), tc.token, tc.need)); got != tc.want {
			t.Errorf("refused for %q, want %q", got, tc.want)
		}
	}

	if err := revokeNow(r.Client, c.Lease); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the verifier to hear of the revocation", func() bool {
		return reason(v.Verify(t.Context(), c.Token, verify.Requirements{})) == verify.Revoked
	})

	r.contract(t, "orders-to-payments", fields{"conditions": []any{fields{"name": "tls", "expression": "true", "on": []any{"request"}}}})
	conditional := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	if got := reason(v.Verify(t.Context(), conditional.Token, verify.Requirements{})); got != verify.Conditions {
		t.Errorf("conditions that nobody asked: refused for %q", got)
	}
}

func (r *rig) verifier(t *testing.T, audience string) *verify.Verifier {
	t.Helper()
	v, err := verify.New(t.Context(), verify.Config{Issuer: r.Addr + "/v1/ramp", Audience: audience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

func reason(_ *verify.Identity, err error) verify.Reason {
	var refusal *verify.Refusal
	if errors.As(err, &refusal) {
		return refusal.Reason
	}
	return ""
}
