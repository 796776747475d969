package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func deployCommand() *cobra.Command {
	var o operation
	var generation, overlap string
	cmd := &cobra.Command{
		Use:   "deploy CONTRACT -generation=NAME",
		Short: "Start a generation; the one before it retires",
		Long: `Start a generation, such as a commit or an image digest. Until the overlap ends,
credentials of both generations are issued and renewed; then everything of the older
one is dead. Deploying the current generation again changes nothing, so a pipeline
may repeat it.`,
		Example: `  ramp deploy orders-to-payments -generation=$GITHUB_SHA -overlap=10m`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if generation == "" {
				return errors.New("-generation=NAME is required: a commit or an image digest")
			}
			return o.do(cmd, "roles/"+args[0]+"/deploy", map[string]any{"generation": generation, "overlap": overlap}, "deployed")
		},
	}
	o.register(cmd)
	cmd.Flags().StringVar(&generation, "generation", "", "name of the deploy")
	cmd.Flags().StringVar(&overlap, "overlap", "", "how long the generation before goes on, such as 10m; default: the contract's generation_overlap")
	return cmd
}
