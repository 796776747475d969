package main

import (
	"github.com/spf13/cobra"
)

func suspendCommand() *cobra.Command {
	return switchCommand("suspend", "Stop a contract, a service or a caller, and kill what is live",
		`Stop a contract, all contracts of a service, or one caller in all contracts. Nothing
is issued or renewed until it is resumed, and what was issued is dead at once.`,
		"suspended: nothing is issued or renewed, and what was issued is dead; ramp resume lets it issue again")
}

func resumeCommand() *cobra.Command {
	return switchCommand("resume", "Let what was suspended issue again",
		`Let what was suspended issue again. Credentials issued before stay dead.`,
		"resumed: callers fetch new credentials, the old ones stay dead")
}

func switchCommand(verb, short, long, done string) *cobra.Command {
	var o operation
	cmd := &cobra.Command{
		Use:   verb + " CONTRACT | service.NAME | caller.ENTITY_ID",
		Short: short,
		Long:  long,
		Example: "  ramp " + verb + ` orders-to-payments
  ramp ` + verb + ` service.payments
  ramp ` + verb + ` caller.4f6c2a4e-0000-4000-8000-000000000000`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := address(args[0])
			if err != nil {
				return err
			}
			return o.do(cmd, path+"/"+verb, nil, done)
		},
	}
	o.register(cmd)
	return cmd
}
