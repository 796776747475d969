// Package mount is a Ramp mount as the command line sees it: over Vault's HTTP
// API, set up the way Vault's own command is.
package mount

import (
	"context"
	"errors"
	"strings"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/api/cliconfig"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/condition"
)

// Mount is a mount of the secrets engine. It is safe for concurrent use.
type Mount struct {
	Path       string // without slashes at its ends
	client     *api.Client
	conditions *condition.Compiler
}

// Open returns the mount at a path of the Vault that the environment names:
// VAULT_ADDR, VAULT_TOKEN or the token helper, VAULT_NAMESPACE, VAULT_CACERT
// and all else that Vault's own command reads. It sends nothing.
func Open(path string) (*Mount, error) {
	client, err := api.NewClient(nil)
	if err != nil {
		return nil, err
	}
	if client.Token() == "" {
		helper, err := cliconfig.DefaultTokenHelper()
		if err != nil {
			return nil, err
		}
		token, err := helper.Get()
		if err != nil {
			return nil, err
		}
		client.SetToken(token)
	}
	return New(client, path), nil
}

// New returns the mount at a path, as a client sees it.
func New(client *api.Client, path string) *Mount {
	return &Mount{Path: strings.Trim(path, "/"), client: client, conditions: condition.NewCompiler()}
}

// Address is where the mount is: Vault's address, its namespace if there is
// one, and the path.
func (m *Mount) Address() string {
	where := []string{strings.TrimSuffix(m.client.Address(), "/")}
	if ns := strings.Trim(m.client.Namespace(), "/"); ns != "" {
		where = append(where, ns)
	}
	return strings.Join(append(where, m.Path), "/")
}

// Read reads a path below the mount, nil when there is nothing.
func (m *Mount) Read(ctx context.Context, path string) (map[string]any, error) {
	secret, err := m.client.Logical().ReadWithContext(ctx, m.Path+"/"+path)
	if err != nil {
		return nil, m.explain(err, "read", path)
	}
	if secret == nil {
		return nil, nil
	}
	return secret.Data, nil
}

// List lists a path below the mount.
func (m *Mount) List(ctx context.Context, path string) ([]string, error) {
	secret, err := m.client.Logical().ListWithContext(ctx, m.Path+"/"+path)
	if err != nil {
		return nil, m.explain(err, "list", path)
	}
	if secret == nil {
		return nil, nil
	}
	var names []string
	keys, _ := secret.Data["keys"].([]any)
	for _, k := range keys {
		if name, ok := k.(string); ok {
			names = append(names, name)
		}
	}
	return names, nil
}

// Write writes to a path below the mount.
func (m *Mount) Write(ctx context.Context, path string, data map[string]any) (answer map[string]any, warnings []string, err error) {
	secret, err := m.client.Logical().WriteWithContext(ctx, m.Path+"/"+path, data)
	if err != nil {
		return nil, nil, m.explain(err, "update", path)
	}
	if secret == nil {
		return nil, nil, nil
	}
	return secret.Data, secret.Warnings, nil
}

// Delete deletes what is at a path below the mount, if its revision is the one
// expected; "" expects none.
func (m *Mount) Delete(ctx context.Context, path, expected string) error {
	query := map[string][]string{}
	if expected != "" {
		query["expected_revision"] = []string{expected}
	}
	_, err := m.client.Logical().DeleteWithDataWithContext(ctx, m.Path+"/"+path, query)
	return m.explain(err, "delete", path)
}

// IsConflict reports whether a write was refused because somebody else was faster.
func IsConflict(err error) bool {
	var answer *api.ResponseError
	return errors.As(err, &answer) && answer.StatusCode == 409
}
