package e2e_test

import (
	"strings"
	"testing"
	"time"
)

// An edit that takes anything away kills what was issued before; one that only adds leaves it alive.
func TestEdits(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "other", nil)
	const contract, service = "roles/edited", "services/payments"
	later := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }
	for name, c := range map[string]struct {
		path  string
		edit  fields
		kills bool
	}{
		"fewer scopes":           {contract, fields{"scopes": "invoices:read"}, true},
		"other scopes":           {contract, fields{"scopes": "invoices:read,refunds"}, true},
		"fewer callers":          {contract, fields{"bound_entity_ids": r.orders.EntityID}, true},
		"another binding":        {contract, fields{"bound_entity_metadata": fields{"team": "shop"}}, true},
		"some addresses only":    {contract, fields{"bound_cidrs": "10.0.0.0/8"}, true},
		"shorter max_ttl":        {contract, fields{"max_ttl": "10m"}, true},
		"an end":                 {contract, fields{"expires_at": later(30 * time.Minute)}, true},
		"a later start":          {contract, fields{"not_before": later(30 * time.Minute)}, true},
		"another subject":        {contract, fields{"subject": "svc-{{identity.entity.id}}"}, true},
		"another profile":        {contract, fields{"credential": fields{"profile": "jwt_svid"}}, true},
		"another service":        {contract, fields{"service": "other", "scopes": "invoices:read,invoices:write"}, true},
		"more scopes":            {contract, fields{"scopes": "invoices:read,invoices:write,refunds"}, false},
		"more callers":           {contract, fields{"bound_entity_ids": r.orders.EntityID + ",somebody,else"}, false},
		"longer max_ttl":         {contract, fields{"max_ttl": "50m"}, false},
		"another ttl":            {contract, fields{"ttl": "6m"}, false},
		"notes":                  {contract, fields{"metadata": fields{"ticket": "OPS-2"}}, false},
		"an earlier start":       {contract, fields{"not_before": later(-time.Hour)}, false},
		"nothing":                {contract, fields{}, false},
		"service: fewer scopes":  {service, fields{"scopes": "invoices:read,invoices:write"}, true},
		"service: lower ceiling": {service, fields{"max_ttl": "45m"}, true},
		"service: new audience":  {service, fields{"audience": "https://moved.internal"}, true},
		"service: expiry":        {service, fields{"revocation": "expiry"}, true},
		"service: proof":         {service, fields{"proof": "dpop"}, true},
		"service: more scopes":   {service, fields{"scopes": "invoices:read,invoices:write,refunds,more"}, false},
		"service: higher":        {service, fields{"max_ttl": "2h"}, false},
		"service: notes":         {service, fields{"owner": "team-payments", "metadata": fields{"on-call": "pay"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r.delete(t, contract)
			r.delete(t, service)
			r.service(t, "payments", fields{"scopes": "invoices:read,invoices:write,refunds"})
			r.contract(t, "edited", fields{
				"scopes": "invoices:read,invoices:write", "bound_entity_ids": r.orders.EntityID + ",somebody", "max_ttl": "40m",
				"not_before": later(-30 * time.Minute),
			})
			held := r.mint(t, r.orders.Client, "edited", nil)
			answer, err := r.Client.Logical().Write("ramp/"+c.path, c.edit)
			if err != nil {
				t.Fatal(err)
			}
			warned := answer != nil && strings.Contains(strings.Join(answer.Warnings, "\n"), "takes something away")
			if warned != c.kills {
				t.Errorf("warned: %v, want %v: %+v", warned, c.kills, answer)
			}
			if !c.kills {
				r.wantAlive(t, held)
				if _, err := r.Client.Sys().Renew(held.Lease, 0); err != nil {
					t.Error(err)
				}
				return
			}
			r.wantDead(t, held)
			_, err = r.Client.Sys().Renew(held.Lease, 0)
			wantRefused(t, err, 400, "denied: ", "permission denied")
		})
	}
}
