package vaulttest

import (
	"crypto/rand"

	"github.com/hashicorp/vault/api"
)

// Login is a caller with a known entity and a token of its own. Logins of one name share one entity, whichever
// the auth methods they used.
type Login struct {
	Client   *api.Client // carries Token
	Token    string
	EntityID string
	Name     string // of the entity
	Mount    string // accessor of the auth mount, which the entity's alias is on

	RoleID, SecretID string // of an AppRole, for an agent that logs in itself
}

// User creates a userpass user with policies and logs it in.
func (s *Server) User(name string, policies ...string) *Login {
	s.t.Helper()
	l := &Login{Name: name, Mount: s.enableAuth("userpass")}
	password := rand.Text()
	s.Write("auth/userpass/users/"+name, map[string]any{"password": password, "token_policies": policies})
	s.bind(l, name)
	s.login(l, "auth/userpass/login/"+name, map[string]any{"password": password})
	return l
}

// AppRole creates an approle role with policies and logs it in.
func (s *Server) AppRole(name string, policies ...string) *Login {
	s.t.Helper()
	l := &Login{Name: name, Mount: s.enableAuth("approle"), RoleID: name}
	role := "auth/approle/role/" + name
	s.Write(role, map[string]any{"role_id": l.RoleID, "token_policies": policies})
	l.SecretID = s.Write(role+"/secret-id", nil).Data["secret_id"].(string)
	s.bind(l, l.RoleID)
	s.login(l, "auth/approle/login", map[string]any{"role_id": l.RoleID, "secret_id": l.SecretID})
	return l
}

// enableAuth enables an auth method at its usual path, unless it is already, and returns the mount's accessor.
func (s *Server) enableAuth(method string) string {
	s.t.Helper()
	mounts, err := s.Client.Sys().ListAuth()
	if err != nil {
		s.t.Fatal(err)
	}
	if mount, ok := mounts[method+"/"]; ok {
		return mount.Accessor
	}
	if err := s.Client.Sys().EnableAuthWithOptions(method, &api.EnableAuthOptions{Type: method}); err != nil {
		s.t.Fatalf("enable %s: %v", method, err)
	}
	return s.enableAuth(method)
}

// bind makes sure of the login's entity and gives it the alias by which the auth mount will know it.
func (s *Server) bind(l *Login, alias string) {
	s.t.Helper()
	s.Write("identity/entity", map[string]any{"name": l.Name})
	entity, err := s.Client.Logical().Read("identity/entity/name/" + l.Name)
	if err != nil || entity == nil {
		s.t.Fatalf("entity %s: %v", l.Name, err)
	}
	l.EntityID = entity.Data["id"].(string)
	s.Write("identity/entity-alias", map[string]any{"name": alias, "canonical_id": l.EntityID, "mount_accessor": l.Mount})
}

func (s *Server) login(l *Login, path string, credentials map[string]any) {
	s.t.Helper()
	auth := s.Write(path, credentials).Auth
	if auth.EntityID != l.EntityID {
		s.t.Fatalf("%s logged in as entity %s, not %s", l.Name, auth.EntityID, l.EntityID)
	}
	l.Token = auth.ClientToken
	l.Client = s.As(l.Token)
}
