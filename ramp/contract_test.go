package ramp_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

func TestBadContracts(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*ramp.Terms)
		says string
	}{
		"no service":          {func(t *ramp.Terms) { t.Service = "" }, "service is required"},
		"no scopes":           {func(t *ramp.Terms) { t.Scopes = nil }, "scopes is required"},
		"bad scope":           {func(t *ramp.Terms) { t.Scopes = ramp.Scopes{"a b"} }, "separate several scopes with commas"},
		"nobody":              {func(t *ramp.Terms) { t.BoundEntityIDs = nil }, "no identity binding"},
		"addresses only":      {func(t *ramp.Terms) { t.BoundEntityIDs, t.BoundCIDRs = nil, []string{"10.0.0.0/8"} }, "no identity binding"},
		"empty entity id":     {func(t *ramp.Terms) { t.BoundEntityIDs = []string{"e", ""} }, "bound_entity_ids has an empty element"},
		"empty entity name":   {func(t *ramp.Terms) { t.BoundEntityNames = []string{""} }, "bound_entity_names has an empty element"},
		"empty group":         {func(t *ramp.Terms) { t.BoundGroups = []string{""} }, "bound_groups has an empty element"},
		"empty mount":         {func(t *ramp.Terms) { t.BoundAuthMounts = []string{""} }, "bound_auth_mounts has an empty element"},
		"empty metadata":      {func(t *ramp.Terms) { t.BoundEntityMetadata = map[string]string{"team": ""} }, "bound_entity_metadata needs a key and a value"},
		"empty alias key":     {func(t *ramp.Terms) { t.BoundAliasMetadata = map[string]string{"": "x"} }, "bound_alias_metadata needs a key and a value"},
		"bad template":        {func(t *ramp.Terms) { t.Subject = "{{entity}}" }, "subject: {{entity}} is unknown"},
		"bad address":         {func(t *ramp.Terms) { t.BoundCIDRs = []string{"10.0.0.0/33"} }, `bound_cidrs: "10.0.0.0/33" is neither a CIDR block nor an address`},
		"negative ttl":        {func(t *ramp.Terms) { t.TTL = -1 }, "may not be negative"},
		"negative max_ttl":    {func(t *ramp.Terms) { t.MaxTTL = -1 }, "may not be negative"},
		"ttl above max_ttl":   {func(t *ramp.Terms) { t.TTL, t.MaxTTL = 61, 60 }, "ttl 61s is above max_ttl 60s"},
		"ends as it starts":   {func(t *ramp.Terms) { t.NotBefore, t.ExpiresAt = noon, noon.Add(999*time.Millisecond) }, "not_before must be earlier"},
		"the year 10000":      {func(t *ramp.Terms) { t.ExpiresAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "years 1970 to 9999"},
		"the year 10000, UTC": {func(t *ramp.Terms) { t.ExpiresAt = time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -7200)) }, "years 1970 to 9999"},
		"before Christ":       {func(t *ramp.Terms) { t.NotBefore = time.Date(-44, 3, 15, 0, 0, 0, 0, time.UTC) }, "years 1970 to 9999"},
		"a novel":             {func(t *ramp.Terms) { t.Metadata = map[string]string{"novel": strings.Repeat("ha", 128<<10)} }, "the limit is 262144"},
	} {
		t.Run(name, func(t *testing.T) {
			w := plain()
			tc.edit(&w.Terms)
			c, err := ramp.NewContract("orders-to-payments", "id", w.Terms, nil)
			if err == nil || !strings.Contains(err.Error(), tc.says) || c != nil {
				t.Errorf("%v, want an error with %q", err, tc.says)
			}
		})
	}
}

func TestContractsDoNotShareTheirTerms(t *testing.T) {
	w := plain()
	w.Terms.BoundCIDRs, w.Terms.Scopes = []string{"10.1.2.3"}, ramp.Scopes{"b", "a", "b"}
	c := w.contract(t)
	if c.CredentialType != "jwt" || !slices.Equal(c.Scopes, ramp.Scopes{"a", "b"}) || c.BoundCIDRs[0] != "10.1.2.3/32" {
		t.Errorf("terms not in their normal form: %+v", c.Terms)
	}
	if w.Terms.BoundCIDRs[0] != "10.1.2.3" || w.Terms.Scopes[0] != "b" {
		t.Errorf("the argument was changed: %+v", w.Terms)
	}
}

func TestAddresses(t *testing.T) {
	for _, tc := range []struct {
		cidr, stored string
		in, out      []string
	}{
		{"10.0.0.0/8", "10.0.0.0/8", []string{"10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"}, []string{"11.0.0.0", "9.255.255.255", "::10.0.0.1", ""}},
		{"10.1.2.3/8", "10.0.0.0/8", []string{"10.9.9.9"}, []string{"11.1.2.3"}},
		{"10.1.2.3", "10.1.2.3/32", []string{"10.1.2.3"}, []string{"10.1.2.4"}},
		{"::ffff:10.1.2.3", "10.1.2.3/32", []string{"10.1.2.3", "::ffff:10.1.2.3"}, []string{"10.1.2.4"}},
		{"::ffff:10.0.0.0/104", "10.0.0.0/8", []string{"10.1.2.3", "::ffff:10.1.2.3"}, []string{"11.0.0.0"}},
		{"2001:db8::/32", "2001:db8::/32", []string{"2001:db8::1", "2001:db8::1%eth0"}, []string{"2001:db9::1", "10.0.0.1"}},
		{"fe80::1%eth0", "fe80::1/128", []string{"fe80::1", "fe80::1%eth1"}, []string{"fe80::2%eth0"}},
		{"0.0.0.0/0", "0.0.0.0/0", []string{"192.0.2.1", "::ffff:192.0.2.1"}, []string{"2001:db8::1", ""}},
		{"::/0", "::/0", []string{"2001:db8::1"}, []string{"192.0.2.1", "::ffff:192.0.2.1", ""}},
	} {
		w := plain()
		w.Terms.BoundCIDRs = []string{tc.cidr}
		if got := w.contract(t).BoundCIDRs[0]; got != tc.stored {
			t.Errorf("%s is stored as %s, want %s", tc.cidr, got, tc.stored)
		}
		for inside, list := range map[bool][]string{true: tc.in, false: tc.out} {
			for _, addr := range list {
				w.Facts.RemoteAddr, _ = netip.ParseAddr(addr)
				if d := w.decide(t); (d.Denial() == nil) != inside {
					t.Errorf("%q in %s: %v", addr, tc.cidr, d.Denial())
				}
			}
		}
	}
	for _, bad := range []string{"", "10.0.0.0/", "10.0.0/8", "010.0.0.0/8", "10.0.0.0/8/8", "fe80::/64%eth0", "example.com", "*", "10.0.0.1-10.0.0.9"} {
		w := plain()
		w.Terms.BoundCIDRs = []string{bad}
		if _, err := ramp.NewContract("n", "id", w.Terms, nil); err == nil {
			t.Errorf("%q is taken for a CIDR block", bad)
		}
	}
}

func TestFits(t *testing.T) {
	limits := ramp.Limits{MaxTTL: 86400}
	for name, tc := range map[string]struct {
		edit func(*world)
		says string
	}{
		"all":                   {func(*world) {}, ""},
		"up to the ceilings":    {func(w *world) { w.Terms.TTL, w.Terms.MaxTTL = 7200, 7200 }, ""},
		"a foreign scope":       {func(w *world) { w.Terms.Scopes = ramp.Scopes{"admin"} }, `service "payments" does not offer scope "admin"; it offers: invoices:read invoices:write refunds`},
		"above the service":     {func(w *world) { w.Terms.MaxTTL = 7201 }, `max_ttl 7201s is above the max_ttl 7200s of service "payments"`},
		"ttl above the service": {func(w *world) { w.Terms.TTL, w.Terms.MaxTTL = 7201, 0 }, "ttl 7201s is above"},
		"above the mount":       {func(w *world) { w.Terms.MaxTTL, w.Service.MaxTTL = 86401, 0 }, "max_ttl 86401s is above the max_ttl 86400s of the mount's config"},
	} {
		w := plain()
		tc.edit(&w)
		err := w.contract(t).Fits(w.service(t), limits)
		if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
			t.Errorf("%s: %v, want %q", name, err, tc.says)
		}
	}
}

func TestBadServices(t *testing.T) {
	for says, edit := range map[string]func(*ramp.ServiceTerms){
		"audience is required":     func(t *ramp.ServiceTerms) { t.Audience = "" },
		"audience must be at most": func(t *ramp.ServiceTerms) { t.Audience = strings.Repeat("a", 1025) },
		"without spaces":           func(t *ramp.ServiceTerms) { t.Audience = "a b" },
		"control characters":       func(t *ramp.ServiceTerms) { t.Audience = "a\x00b" },
		"scopes is required":       func(t *ramp.ServiceTerms) { t.Scopes = nil },
		"may not have":             func(t *ramp.ServiceTerms) { t.Scopes = ramp.Scopes{"ü"} },
		"max_ttl may not be":       func(t *ramp.ServiceTerms) { t.MaxTTL = -1 },
		`revocation "never"`:       func(t *ramp.ServiceTerms) { t.Revocation = "never" },
		`proof "trust"`:            func(t *ramp.ServiceTerms) { t.Proof = "trust" },
		"the limit is 262144":      func(t *ramp.ServiceTerms) { t.Owner = strings.Repeat("o", 256<<10) },
	} {
		terms := plain().Service
		edit(&terms)
		if svc, err := ramp.NewService("payments", terms, nil); err == nil || !strings.Contains(err.Error(), says) || svc != nil {
			t.Errorf("%v, want an error with %q", err, says)
		}
	}
	svc, err := ramp.NewService("payments", ramp.ServiceTerms{Audience: "a", Scopes: ramp.Scopes{"b", "a"}}, nil)
	if err != nil || svc.Revocation != ramp.RevocationStatus || svc.Proof != ramp.ProofNone || svc.Scopes.String() != "a b" {
		t.Errorf("defaults: %+v %v", svc, err)
	}
}
