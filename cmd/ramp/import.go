package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/estate"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/plan"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

func importCommand() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "import FILE.json... | -",
		Short: "Turn JSON for vault write into a contract file",
		Long: `Turn JSON into HCL on standard output. The JSON is what vault write takes
(@contract.json), or what vault read -format=json gives. What has an audience is a
service, all else a contract; its name is that of the file, or -name.`,
		Example: `  ramp import orders-to-payments.json > contracts/orders.hcl
  vault read -format=json ramp/roles/orders-to-payments | ramp import -name=orders-to-payments -`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if name != "" && len(args) > 1 {
				return errors.New("-name is for one file")
			}
			for i, path := range args {
				if i > 0 {
					fmt.Fprintln(cmd.OutOrStdout())
				}
				if err := importFile(cmd, path, name); err != nil {
					return failure{fmt.Errorf("%s: %w", path, err)}
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "name of the service or contract")
	return cmd
}

const maxImport = 4 << 20

func importFile(cmd *cobra.Command, path, name string) error {
	in := cmd.InOrStdin()
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	if name == "" {
		name = strings.TrimSuffix(filepath.Base(path), ".json")
	}
	if !endpoint.IsName(name) {
		return errors.New("-name says what it is called")
	}
	var object map[string]any
	if err := json.NewDecoder(io.LimitReader(in, maxImport)).Decode(&object); err != nil {
		return fmt.Errorf("not a JSON object: %w", err)
	}
	if data, ok := object["data"].(map[string]any); ok { // of vault read
		object = data
		for _, field := range []string{"id", "revision", "state", "generation", "waiting_on", "floor", "created", "updated"} {
			delete(object, field)
		}
	}
	if _, ok := object["audience"]; ok {
		var terms ramp.ServiceTerms
		if err := endpoint.Decode(object, &terms); err != nil {
			return err
		}
		delete(terms.Metadata, plan.Label) // apply writes it
		return estate.PrintService(cmd.OutOrStdout(), name, terms)
	}
	var terms ramp.Terms
	if err := endpoint.Decode(object, &terms); err != nil {
		return err
	}
	delete(terms.Metadata, plan.Label)
	return estate.PrintContract(cmd.OutOrStdout(), name, terms)
}
