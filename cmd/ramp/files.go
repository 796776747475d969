package main

import (
	"fmt"
	"os"

	"github.com/fatih/color"
	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/estate"
)

// files are the files that a command reads contracts from.
type files struct {
	inputs  estate.Inputs
	sources *estate.Sources
}

func (f *files) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.inputs.Files, "var-file", nil, "file with values of variables; may be repeated, the last one wins")
	cmd.Flags().StringArrayVar(&f.inputs.Values, "var", nil, "name=value of a variable; wins over files, which win over RAMP_VAR_name in the environment")
}

// load reads what the paths mean, the working directory without any.
func (f *files) load(cmd *cobra.Command, paths []string) (*estate.Estate, error) {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	f.inputs.Environ = os.Environ()
	f.sources = estate.NewSources()
	e, diags := f.sources.Load(f.inputs, paths...)
	return e, f.show(cmd, diags)
}

// show writes errors and warnings with the lines they are about.
func (f *files) show(cmd *cobra.Command, diags hcl.Diagnostics) error {
	w := hcl.NewDiagnosticTextWriter(cmd.ErrOrStderr(), f.sources.Files(), uint(width()), !color.NoColor)
	if err := w.WriteDiagnostics(diags); err != nil {
		return err
	}
	if !diags.HasErrors() {
		return nil
	}
	n := len(diags.Errs())
	plural := "s"
	if n == 1 {
		plural = ""
	}
	return advise(fmt.Errorf("%d error%s in the files", n, plural), "correct the lines shown; nothing was sent to Vault")
}
