package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

// format is how results are written: for people, or for machines.
type format string

func (f *format) register(cmd *cobra.Command) {
	*f = format(os.Getenv("VAULT_FORMAT"))
	if *f == "" {
		*f = "table"
	}
	cmd.Flags().Var(f, "format", "table, json or yaml (or VAULT_FORMAT)")
}

// String implements pflag.Value.
func (f *format) String() string { return string(*f) }

// Type implements pflag.Value.
func (f *format) Type() string { return "format" }

// Set implements pflag.Value.
func (f *format) Set(s string) error {
	switch s {
	case "table", "json", "yaml":
		*f = format(s)
		return nil
	}
	return fmt.Errorf("use table, json or yaml")
}

// print writes v for machines, or what table writes for people.
func (f format) print(w io.Writer, v any, table func(io.Writer)) error {
	switch f {
	case "json":
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	case "yaml":
		// By way of JSON, so that both have the same names.
		text, err := json.Marshal(v)
		if err != nil {
			return err
		}
		var plain any
		if err := yaml.Unmarshal(text, &plain); err != nil {
			return err
		}
		enc := yaml.NewEncoder(w)
		enc.SetIndent(2)
		return enc.Encode(plain)
	}
	table(w)
	return nil
}

// rows writes lines of cells in columns.
func rows(w io.Writer, lines ...[]string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, cells := range lines {
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	t.Flush()
}

// pairs writes what Vault answered as keys and values.
func pairs(w io.Writer, data map[string]any) {
	lines := [][]string{{"Key", "Value"}, {"---", "-----"}}
	for _, k := range slices.Sorted(maps.Keys(data)) {
		value := fmt.Sprint(data[k])
		if data[k] == nil {
			value = "n/a"
		} else if _, ok := data[k].(string); !ok {
			text, _ := json.Marshal(data[k]) // came as JSON
			value = string(text)
		}
		lines = append(lines, []string{k, value})
	}
	rows(w, lines...)
}
