package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/estate"
)

func schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of contract files, for editors",
		Long: `Print the JSON Schema of contract files in JSON syntax (*.hcl.json). Editors that
know it complete field names and explain them.`,
		Example: `  ramp schema > ramp.schema.json`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			enc := json.NewEncoder(cmd.OutOrStdout())
			enc.SetIndent("", "  ")
			enc.SetEscapeHTML(false)
			return enc.Encode(estate.Schema())
		},
	}
}
