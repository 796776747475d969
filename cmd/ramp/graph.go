package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/graph"
)

var drawings = map[string]func(*graph.Graph, io.Writer) error{
	"dot": (*graph.Graph).DOT, "mermaid": (*graph.Graph).Mermaid, "svg": (*graph.Graph).SVG, "html": (*graph.Graph).HTML,
}

func graphCommand() *cobra.Command {
	var v vault
	var from files
	var kind, out string
	cmd := &cobra.Command{
		Use:   "graph [PATH]...",
		Short: "Draw who may act on whom, from files or from the mount",
		Long: `Draw callers and services as boxes and contracts as arrows: of the files that are
named, and of the mount when none is. An SVG or HTML file needs nothing else to be
looked at; in HTML, pointing at a box shows whom it reaches.`,
		Example: `  ramp graph -out=estate.html
  ramp graph -format=mermaid contracts
  ramp graph -format=dot contracts | dot -Tpng > estate.png`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if kind == "" {
				kind = strings.TrimPrefix(filepath.Ext(out), ".")
			}
			if kind == "" {
				kind = "dot"
			}
			draw := drawings[kind]
			if draw == nil {
				return fmt.Errorf("-format=%s is unknown; use dot, mermaid, svg or html", kind)
			}
			g, err := readGraph(cmd, &v, &from, args)
			if err != nil {
				return err
			}
			if out == "" {
				return draw(g, cmd.OutOrStdout())
			}
			var picture bytes.Buffer
			if err := draw(g, &picture); err != nil {
				return failure{err}
			}
			if err := os.WriteFile(out, picture.Bytes(), 0o666); err != nil {
				return failure{err}
			}
			return nil
		},
	}
	v.register(cmd)
	from.register(cmd)
	cmd.Flags().StringVar(&kind, "format", "", "dot, mermaid, svg or html; default: what -out ends in, else dot")
	cmd.Flags().StringVar(&out, "out", "", "file to write; default: standard output")
	return cmd
}

func readGraph(cmd *cobra.Command, v *vault, from *files, paths []string) (*graph.Graph, error) {
	var b graph.Builder
	if len(paths) > 0 {
		e, err := from.load(cmd, paths)
		if err != nil {
			return nil, err
		}
		for _, s := range e.Services {
			b.Service(s.Name, s.ServiceTerms)
		}
		for _, c := range e.Contracts {
			b.Contract(c.Name, &c.Terms, "")
		}
		return b.Graph(), nil
	}
	m, err := v.open()
	if err != nil {
		return nil, err
	}
	snap, err := m.Snapshot(cmd.Context(), progress(cmd.ErrOrStderr(), "reading"))
	if err != nil {
		return nil, failure{err}
	}
	for name, s := range snap.Services {
		b.Service(name, s.ServiceTerms)
	}
	for name, c := range snap.Contracts {
		b.Contract(name, &c.Terms, c.State)
	}
	return b.Graph(), nil
}
