package backend

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
)

func TestServicesStory(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.write("config", map[string]any{"issuer": issuer})
		r.write("services/b", map[string]any{"audience": "b", "scopes": "z,a,a", "owner": "team-b", "metadata": map[string]any{"ticket": "RAMP-1"}})
		r.write("services/a", map[string]any{"audience": "a", "scopes": []string{"x"}, "revocation": "expiry", "proof": "dpop", "max_ttl": "10m"})
		if names := r.list("services/"); !slices.Equal(names, []string{"a", "b"}) {
			t.Errorf("services %v", names)
		}
		r.reads("services/a", map[string]any{"audience": "a", "revocation": "expiry", "proof": "dpop", "max_ttl": 600.0, "state": "active"})
		r.reads("services/b", map[string]any{"revocation": "status", "proof": "none", "owner": "team-b", "created": "2027-03-01T12:00:00Z"})
		got := r.read("services/b")
		if scopes := texts(got["scopes"]); !slices.Equal(scopes, []string{"a", "z"}) {
			t.Errorf("scopes %v", scopes)
		}
		r.write("services/b", map[string]any{"max_ttl": "1h"})
		r.reads("services/b", map[string]any{"audience": "b", "owner": "team-b", "max_ttl": 3600.0})
		r.write("services/b", map[string]any{"owner": "", "metadata": map[string]any{}})
		if got := r.read("services/b"); got["owner"] != nil || got["metadata"] != nil {
			t.Errorf("cleared fields read %v %v", got["owner"], got["metadata"])
		}
		r.delete("services/a")
		r.delete("services/a")
		if resp, err := r.do(logical.ReadOperation, "services/a", "", nil); resp != nil || err != nil {
			t.Errorf("a deleted service reads as %v %v", resp, err)
		}
	})
}

// Edits that take something away kill what was issued, those that add do not.
func TestServiceEdits(t *testing.T) {
	for name, tc := range map[string]struct {
		edit map[string]any
		dead bool
	}{
		"notes":            {map[string]any{"owner": "somebody else", "metadata": map[string]any{"a": "b"}}, false},
		"one scope more":   {map[string]any{"scopes": "invoices:read,invoices:write,refunds"}, false},
		"longer":           {map[string]any{"max_ttl": "2h"}, false},
		"the same again":   {map[string]any{"audience": "https://payments.internal"}, false},
		"one scope less":   {map[string]any{"scopes": "invoices:read"}, true},
		"shorter":          {map[string]any{"max_ttl": "30m"}, true},
		"another audience": {map[string]any{"audience": "https://other.internal"}, true},
		"proof":            {map[string]any{"proof": "dpop"}, true},
		"no revocation":    {map[string]any{"revocation": "expiry"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.contract()
			held := r.mint()
			resp := r.write("services/payments", tc.edit)
			r.dead(held, tc.dead)
			if warned := resp != nil && len(resp.Warnings) == 1 && strings.Contains(resp.Warnings[0], "takes something away"); warned != tc.dead {
				t.Errorf("warned: %t %+v", warned, resp)
			}
			if tc.dead {
				r.notRenewed(held, "credential_revoked")
			} else if _, err := r.renew(held); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSuspendedService(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		held := r.mint()
		for range 2 {
			r.write("services/payments/suspend", nil)
		}
		r.reads("services/payments", map[string]any{"state": "suspended"})
		r.dead(held, true)
		r.notRenewed(held, "service_suspended")
		r.refused(logical.ReadOperation, "creds/"+role, "e-orders", nil, 403, `denied: service "payments" is suspended (service_suspended)`)
		r.start()
		r.refused(logical.ReadOperation, "creds/"+role, "e-orders", nil, 403, "(service_suspended)")
		for range 2 {
			r.write("services/payments/resume", nil)
		}
		r.dead(held, true)
		r.dead(r.mint(), false)
	})
}

func TestServicesInUse(t *testing.T) {
	r := newRig(t)
	r.contract()
	r.refused(logical.DeleteOperation, "services/payments", "", nil, 400, `service "payments" is used by 1 contracts: `+role)
	for _, n := range strings.Fields("a b c d e f g h i j k") {
		r.write("roles/"+n, map[string]any{"service": "payments", "scopes": "invoices:read", "bound_entity_ids": "e-orders"})
	}
	r.refused(logical.DeleteOperation, "services/payments", "", nil, 400, `used by 12 contracts: a, b, c, d, e, f, g, h, i, j, …; delete or change those first`)
	r.write("services/other", map[string]any{"audience": "o", "scopes": "invoices:read"})
	r.write("roles/a", map[string]any{"service": "other"})
	r.refused(logical.DeleteOperation, "services/payments", "", nil, 400, "used by 11 contracts")
	r.refused(logical.DeleteOperation, "services/other", "", nil, 400, "used by 1 contracts: a;")
}

func TestBadServices(t *testing.T) {
	r := newRig(t)
	r.write("config", map[string]any{"issuer": issuer, "max_ttl": "24h"})
	good := func(change string, v any) map[string]any {
		data := map[string]any{"audience": "https://payments.internal", "scopes": "a"}
		data[change] = v
		return data
	}
	var many []string
	for n := range 30_000 {
		many = append(many, fmt.Sprintf("invoices:%d", n))
	}
	for _, tc := range []struct {
		data map[string]any
		says string
	}{
		{map[string]any{"scopes": "a"}, "audience is required"},
		{map[string]any{"audience": "a"}, "scopes is required"},
		{good("max_tll", "1h"), `unknown field "max_tll" (did you mean "max_ttl"?)`},
		{good("name", "x"), `unknown field "name"`},
		{good("max_ttl", "25h"), "max_ttl 90000s is above the max_ttl 86400s of the mount's config"},
		{good("max_ttl", "1ms"), "max_ttl must be a duration in whole seconds"},
		{good("scopes", "a b"), "separate several scopes with commas"},
		{good("scopes", map[string]any{"a": 1}), "scopes must be a list of strings"},
		{good("revocation", "never"), `revocation "never" is unknown`},
		{good("proof", "yes"), `proof "yes" is unknown`},
		{good("metadata", "just text"), "metadata must be a map of strings"},
		{good("metadata", map[string]any{"junk": strings.Repeat("x", 1<<20)}), "the limit is"},
		{good("scopes", many), "the limit is"},
		{good("audience", strings.Repeat("a", 1<<20)), "audience must be at most 1024 bytes"},
	} {
		r.badWrite("services/payments", tc.data, tc.says)
	}
	for _, op := range []string{"suspend", "resume"} {
		r.refused(logical.UpdateOperation, "services/none/"+op, "", nil, 404, `there is no service "none"`)
	}
	if stored := r.storage.keys("services/"); len(stored) != 0 {
		t.Errorf("refused writes stored %v", stored)
	}
}

// An edit that failed after it was stored and before it had killed everything
// shows, and the same write again finishes it.
func TestServiceNarrowing(t *testing.T) {
	r := newRig(t)
	r.contract()
	minted := r.mint()
	stored, err := get[storedService](t.Context(), r.storage, servicesPrefix+"payments")
	if err != nil {
		t.Fatal(err)
	}
	stored.Narrowed = true
	if err := put(t.Context(), r.storage, servicesPrefix+"payments", stored); err != nil {
		t.Fatal(err)
	}
	r.start()
	r.reads("services/payments", map[string]any{"state": "narrowing"})
	if _, err := r.renew(minted); err != nil {
		t.Fatal(err)
	}
	r.write("services/payments", map[string]any{"expected_revision": r.read("services/payments")["revision"]})
	r.reads("services/payments", map[string]any{"state": "active"})
	r.notRenewed(minted, "credential_revoked")
}
