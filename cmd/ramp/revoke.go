package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
)

func revokeCommand() *cobra.Command {
	var o operation
	var caller, token string
	cmd := &cobra.Command{
		Use:   "revoke CONTRACT [-caller=ENTITY_ID] | -token=TOKEN",
		Short: "Kill what a contract has issued so far, or one leaked token",
		Long: `Kill everything that a contract has issued so far, with one write, or what one caller
holds. The contract goes on: callers fetch new credentials.

With -token, kill one token that was found where it should not be; -token=- reads it
from standard input. A token that is unknown or dead already is a success.`,
		Example: `  ramp revoke orders-to-payments
  ramp revoke orders-to-payments -caller=4f6c2a4e-0000-4000-8000-000000000000
  leak-scanner | ramp revoke -token=-`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case (len(args) == 1) == (token != ""):
				return errors.New("name a contract, or give -token")
			case token == "":
				return o.do(cmd, "roles/"+args[0]+"/revoke", map[string]any{"caller": caller}, "revoked: callers fetch new credentials")
			case caller != "":
				return errors.New("-caller belongs to a contract, not to -token")
			}
			if token == "-" {
				read, err := argument(nil, cmd.InOrStdin())
				if err != nil {
					return err
				}
				token = strings.TrimSpace(read)
			}
			return o.do(cmd, "revoke", map[string]any{"token": token}, "revoked: whatever the token was, it is dead")
		},
	}
	o.register(cmd)
	cmd.Flags().StringVar(&caller, "caller", "", "entity ID of the one caller whose credentials die")
	cmd.Flags().StringVar(&token, "token", "", "token to kill, - for standard input")
	return cmd
}
