package main

import (
	"github.com/spf13/cobra"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/mount"
)

// vault is the mount that a command works on.
type vault struct{ path string }

func (v *vault) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&v.path, "mount", "ramp", "path at which Ramp is mounted")
}

func (v *vault) open() (*mount.Mount, error) {
	m, err := mount.Open(v.path)
	if err != nil {
		return nil, advise(err, "look at VAULT_ADDR, the certificates and the token helper")
	}
	return m, nil
}
