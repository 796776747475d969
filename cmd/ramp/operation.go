package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// operation is one write to the mount and its answer.
type operation struct {
	vault
	format
}

func (o *operation) register(cmd *cobra.Command) {
	o.vault.register(cmd)
	o.format.register(cmd)
}

// do writes the fields that have a value, shows the answer, and says done when
// there is none.
func (o *operation) do(cmd *cobra.Command, path string, fields map[string]any, done string) error {
	m, err := o.open()
	if err != nil {
		return err
	}
	data := map[string]any{}
	for name, v := range fields {
		if v != "" {
			data[name] = v
		}
	}
	answer, warnings, err := m.Write(cmd.Context(), path, data)
	if err != nil {
		return failure{err}
	}
	for _, w := range warnings {
		fmt.Fprintln(cmd.ErrOrStderr(), "warning:", w)
	}
	return o.print(cmd.OutOrStdout(), answer, func(w io.Writer) {
		fmt.Fprintln(w, done)
		if len(answer) > 0 {
			pairs(w, answer)
		}
	})
}
