package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "man DIR",
		Short:   "Write man pages to a directory",
		Example: `  ramp man /usr/local/share/man/man1`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o777); err != nil {
				return failure{err}
			}
			cmd.Root().DisableAutoGenTag = true
			date := time.Unix(0, 0).UTC() // the same pages whenever they are made
			if err := doc.GenManTree(cmd.Root(), &doc.GenManHeader{Section: "1", Source: "ramp " + version, Manual: "Ramp", Date: &date}, args[0]); err != nil {
				return failure{err}
			}
			return nil
		},
	}
}
