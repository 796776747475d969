package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func ledgerKeyCommand() *cobra.Command {
	var v vault
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Print the key that signs the ledger, to be kept outside of Vault",
		Example: `  ramp ledger key > witness/key      # once; compare it with what others read
  ramp ledger verify -key=@witness/key`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := v.open()
			if err != nil {
				return err
			}
			texts, err := published(cmd.Context(), m)
			if err == nil {
				fmt.Fprintln(cmd.OutOrStdout(), texts[0])
			}
			return err
		},
	}
	v.register(cmd)
	return cmd
}
