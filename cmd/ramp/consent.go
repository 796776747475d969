package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/estate"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/mount"
)

func consentCommand() *cobra.Command {
	var o operation
	var revision string
	var withdraw bool
	cmd := &cobra.Command{
		Use:   "consent SERVICE CONTRACT [-revision=REVISION | -withdraw]",
		Short: "Accept a contract as the team of its service, or stop accepting it",
		Long: `Accept a contract with a service that asks for consent. One revision is accepted:
an edit needs consent again. Without -revision the contract is shown, and a person is
asked. Withdrawing kills what is live.`,
		Example: `  ramp consent payments orders-to-payments
  ramp consent payments orders-to-payments -revision=82dad5b87c86…
  ramp consent payments orders-to-payments -withdraw`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			service, contract := args[0], args[1]
			path := "services/" + service + "/consents/" + contract
			m, err := o.open()
			if err != nil {
				return err
			}
			switch {
			case withdraw && revision != "":
				return errors.New("-withdraw takes no -revision")
			case withdraw:
				if err := m.Delete(cmd.Context(), path, ""); err != nil {
					return failure{err}
				}
				fmt.Fprintln(cmd.OutOrStdout(), "withdrawn: the contract issues nothing, and what it issued is dead")
				return nil
			case revision == "":
				if revision, err = review(cmd, m, contract); err != nil {
					return err
				}
			}
			return o.do(cmd, path, map[string]any{"revision": revision}, "accepted revision "+revision)
		},
	}
	o.register(cmd)
	cmd.Flags().StringVar(&revision, "revision", "", "revision of the contract that was reviewed")
	cmd.Flags().BoolVar(&withdraw, "withdraw", false, "stop accepting the contract")
	return cmd
}

// review shows a contract to a person and returns the revision that was accepted.
func review(cmd *cobra.Command, m *mount.Mount, name string) (string, error) {
	c, err := m.Contract(cmd.Context(), name)
	if err != nil {
		return "", failure{err}
	}
	if c == nil {
		return "", failure{fmt.Errorf("there is no contract %q", name)}
	}
	if err := estate.PrintContract(cmd.OutOrStdout(), name, c.Terms); err != nil {
		return "", err
	}
	return c.Stored, ask(cmd, "Accept revision "+c.Stored+"?", "give the revision that was reviewed: -revision="+c.Stored)
}
