package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func advanceCommand() *cobra.Command {
	return moveCommand("advance", "Move a caller up the ramp by hand",
		`Move a caller up the ramp of a contract: to a stage, or by one step. This is also
the approval that a stage with advance.approval waits for.`)
}

func retreatCommand() *cobra.Command {
	return moveCommand("retreat", "Move a caller down the ramp by hand",
		`Move a caller down the ramp of a contract: to a stage, or by one step. What the
caller holds dies, and its evidence starts from zero.`)
}

func moveCommand(verb, short, long string) *cobra.Command {
	var o operation
	var caller, stage string
	cmd := &cobra.Command{
		Use:   verb + " CONTRACT -caller=ENTITY_ID [-stage=NAME]",
		Short: short,
		Long:  long,
		Example: "  ramp " + verb + ` orders-to-payments -caller=4f6c2a4e-0000-4000-8000-000000000000
  ramp ` + verb + ` orders-to-payments -caller=4f6c2a4e-0000-4000-8000-000000000000 -stage=full`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if caller == "" {
				return errors.New("-caller=ENTITY_ID is required; vault list ramp/roles/" + args[0] + "/callers shows whom the contract knows")
			}
			return o.do(cmd, "roles/"+args[0]+"/"+verb, map[string]any{"caller": caller, "stage": stage}, "moved")
		},
	}
	o.register(cmd)
	cmd.Flags().StringVar(&caller, "caller", "", "entity ID of the caller")
	cmd.Flags().StringVar(&stage, "stage", "", "stage to move to; default: one step")
	return cmd
}
