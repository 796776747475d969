package backend

import (
	"context"
	"fmt"

	"github.com/hashicorp/vault/sdk/logical"
)

// writing is an attempt that is one request.
func writing(name, path string, data map[string]any, check func(*stage)) attempt {
	return attempt{name: name, do: func(s *stage) error { return s.write(path, data) }, check: check}
}

func (s *stage) is(path, field string, want any) {
	s.t.Helper()
	if got := s.rig.read(path)[field]; fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Errorf("%s: %s is %v, want %v", path, field, got, want)
	}
}

func (s *stage) gone(path string) {
	s.t.Helper()
	if resp, err := s.rig.do(logical.ReadOperation, path, "", nil); resp != nil || err != nil {
		s.t.Errorf("%s is still there: %v %v", path, resp, err)
	}
}

func deleting(name, path string, prepare func(*stage)) attempt {
	return attempt{
		name: name, prepare: prepare,
		do:    func(s *stage) error { return s.try(logical.DeleteOperation, path, nil) },
		check: func(s *stage) { s.gone(path) },
	}
}

var attempts = []attempt{
	writing("edit config", "config", map[string]any{"max_ttl": "2h"}, func(s *stage) { s.is("config", "max_ttl", 7200) }),
	writing("make key", "keys/k", nil, func(s *stage) { s.keysAre("k", "current next") }),
	writing("switch algorithm", "keys/default", map[string]any{"algorithm": "ES384"}, func(s *stage) { s.is("keys/default", "algorithm", "ES384") }),
	{
		name: "rotate key", do: func(s *stage) error { return s.write("keys/default/rotate", nil) },
		check: func(s *stage) { s.hold() },
	},
	{
		name: "compromise key",
		do: func(s *stage) error {
			return s.write("keys/default/revoke", map[string]any{"kid": s.credential(s.held[0]).KeyID})
		},
		check: func(s *stage) { s.allDead(); s.keysAre("default", "current next") },
	},
	deleting("delete key", "keys/k", func(s *stage) { s.rig.write("keys/k", nil) }),
	writing("make service", "services/new", map[string]any{"audience": "n", "scopes": "a"}, func(s *stage) { s.is("services/new", "audience", "n") }),
	writing("widen service", "services/payments", map[string]any{"scopes": "invoices:read,invoices:write,refunds"}, (*stage).hold),
	writing("narrow service", "services/payments", map[string]any{"max_ttl": "30m"}, (*stage).allDead),
	writing("suspend service", "services/payments/suspend", nil, func(s *stage) { s.allDead(); s.is("services/payments", "state", "suspended") }),
	{
		name: "resume service", prepare: func(s *stage) { s.rig.write("services/payments/suspend", nil) },
		do: func(s *stage) error { return s.write("services/payments/resume", nil) }, check: func(s *stage) { s.allDead(); s.hold() },
	},
	deleting("delete service", "services/payments", func(s *stage) { s.delete("roles/" + role) }),
	writing("make role", "roles/new", map[string]any{"service": "payments", "scopes": "invoices:read", "bound_entity_ids": "e-orders"}, func(s *stage) { s.is("roles/new", "floor", 0) }),
	writing("widen role", "roles/"+role, map[string]any{"scopes": "invoices:read,invoices:write"}, (*stage).hold),
	writing("narrow role", "roles/"+role, map[string]any{"max_ttl": "30m"}, (*stage).allDead),
	writing("move role", "roles/"+role, map[string]any{"service": "other"}, func(s *stage) {
		s.allDead()
		s.delete("services/payments")
		s.contract() // back again
		s.delete("services/other")
	}),
	writing("suspend role", "roles/"+role+"/suspend", nil, func(s *stage) { s.allDead(); s.is("roles/"+role, "state", "suspended") }),
	{
		name: "resume role", prepare: func(s *stage) { s.rig.write("roles/"+role+"/suspend", nil) },
		do: func(s *stage) error { return s.write("roles/"+role+"/resume", nil) }, check: func(s *stage) { s.allDead(); s.hold() },
	},
	writing("revoke role", "roles/"+role+"/revoke", nil, (*stage).allDead),
	writing("revoke caller of role", "roles/"+role+"/revoke", map[string]any{"caller": "e-orders"}, (*stage).allDead),
	{
		name: "delete role", do: func(s *stage) error { return s.try(logical.DeleteOperation, "roles/"+role, nil) },
		check: func(s *stage) {
			s.allDead()
			s.gone("roles/" + role)
			s.delete("services/payments") // which nobody uses any more
		},
	},
	writing("suspend caller", "callers/e-orders/suspend", nil, (*stage).allDead),
	{
		name: "resume caller", prepare: func(s *stage) { s.rig.write("callers/e-orders/suspend", nil) },
		do: func(s *stage) error { return s.write("callers/e-orders/resume", nil) }, check: func(s *stage) { s.allDead(); s.hold() },
	},
	{
		name: "issue", prepare: func(s *stage) { s.start() }, // so that a block of serials is due
		do: func(s *stage) error {
			resp, err := s.rig.do(logical.ReadOperation, "creds/"+role, "e-orders", nil)
			if err == nil && number(resp.Data["serial"]) <= s.highest {
				s.t.Errorf("serial %v follows %v", resp.Data["serial"], s.highest)
			}
			return err
		},
		check: (*stage).hold,
	},
	{name: "revoke lease", do: func(s *stage) error { return s.revokeLease(s.held[1]) }, check: func(s *stage) { s.rig.dead(s.held[1], true) }},
	{
		name: "revoke token", do: func(s *stage) error { return s.write("revoke", map[string]any{"token": s.held[1].Data["token"]}) },
		check: func(s *stage) { s.rig.dead(s.held[1], true) },
	},
	{
		name: "refuse renewal", prepare: func(s *stage) {
			s.start()
			s.vault.groups = nil
			s.rig.write("roles/"+role+"/revoke", map[string]any{"caller": "e-orders"})
		},
		do: func(s *stage) error {
			if _, err := s.renew(s.held[1]); status(err) != 403 {
				return err
			}
			return nil
		},
		check: func(s *stage) { s.rig.dead(s.held[1], true) },
	},
	{
		name: "tick", silent: true, prepare: (*stage).manyDeaths,
		do: func(s *stage) error {
			_, err := s.backend.HandleRequest(context.Background(), &logical.Request{Operation: logical.RollbackOperation, Storage: s.storage})
			return err
		},
		check: func(s *stage) { s.allDead() },
	},
	{
		name: "first request", prepare: func(s *stage) { s.start() },
		do:    func(s *stage) error { return s.try(logical.ReadOperation, "feed", nil) },
		check: func(s *stage) { s.hold() },
	},
}

// manyDeaths leaves something of every kind to forget, and something that must
// not be forgotten.
func (s *stage) manyDeaths() {
	s.rig.write("callers/e-orders/suspend", nil)
	s.rig.write("callers/e-orders/resume", nil)
	s.rig.write("roles/"+role+"/revoke", map[string]any{"caller": "e-orders"})
	s.rig.write("roles/"+role+"/revoke", nil)
	s.rig.write("keys/default/rotate", nil)
	s.expire()
	s.held = nil
	s.hold()
	s.revoke(s.held[0])
	s.hold()
	s.rig.write("roles/"+role+"/revoke", map[string]any{"caller": "e-orders"})
}
