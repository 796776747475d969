package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/estate"
)

func fmtCommand() *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use:   "fmt [-check] [PATH | -]...",
		Short: "Rewrite contract files in the usual layout",
		Long: `Rewrite contract files in the usual layout and list those that changed. A path
is a file or a directory; "-" formats standard input to standard output.

Exit code 0: done. Exit code 1: a file is not HCL, or with -check, not formatted.`,
		Example: `  ramp fmt contracts
  ramp fmt -check contracts`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] == "-" {
				text, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), 4<<20))
				if err != nil {
					return failure{err}
				}
				formatted, err := estate.Format("stdin", text)
				if err != nil {
					return failure{err}
				}
				_, err = cmd.OutOrStdout().Write(formatted)
				return err
			}
			if len(args) == 0 {
				args = []string{"."}
			}
			return formatFiles(cmd, args, check)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "change nothing; exit code 1 when something would change")
	return cmd
}

func formatFiles(cmd *cobra.Command, paths []string, check bool) error {
	files, err := estate.Find(paths...)
	if err != nil {
		return failure{err}
	}
	unformatted := false
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			return failure{err}
		}
		formatted, err := estate.Format(path, text)
		if err != nil {
			return failure{err}
		}
		if bytes.Equal(text, formatted) {
			continue
		}
		unformatted = true
		fmt.Fprintln(cmd.OutOrStdout(), path)
		if check {
			continue
		}
		if err := os.WriteFile(path, formatted, 0o666); err != nil {
			return failure{err}
		}
	}
	if check && unformatted {
		return advise(errors.New("not formatted"), "ramp fmt")
	}
	return nil
}
