package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func validateCommand() *cobra.Command {
	var from files
	cmd := &cobra.Command{
		Use:   "validate [PATH]...",
		Short: "Check contract files without Vault",
		Long: `Check contract files without Vault: everything the engine would refuse is refused
here, with the line it is about. What only a mount knows is assumed as the block
estate says (max_ttl), or left to plan (services and keys that are not in the files).

A path is a file, or a directory whose *.hcl and *.hcl.json are read as one.`,
		Example: `  ramp validate contracts
  ramp validate -var-file=prod.vars contracts`,
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := from.load(cmd, args)
			if err != nil {
				return err
			}
			if err := from.show(cmd, e.Check(e.Settings.Limits(), nil)); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "valid: %s, %s, %s\n", count(len(e.Services), "service"), count(len(e.Contracts), "contract"), count(len(e.Tests), "test"))
			return nil
		},
	}
	from.register(cmd)
	return cmd
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
