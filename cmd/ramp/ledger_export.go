package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/mirror"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

func ledgerExportCommand() *cobra.Command {
	var r record
	var f format
	var dir string
	cmd := &cobra.Command{
		Use:   "export -dir=DIR [-key=KEY]...",
		Short: "Copy the ledger to files, and verify it on the way",
		Long: `Copy the ledger to a directory as the static files of C2SP tlog-tiles: checkpoint,
tile/<level>/<n>, tile/entries/<n>. Any web server can serve it, and ramp ledger
verify -dir reads it without Vault.

What is in the directory is not asked for again: run it again to go on after an
interruption, or to add what is new. What was copied is verified, also what an
earlier run copied. A ledger that is not sound is copied all the same, as evidence,
but does not take the place of the checkpoint of an earlier copy.

Exit codes: 0 copied and sound, 1 not, 2 called wrongly.`,
		Example: `  ramp ledger export -dir=copy -key=@witness/key`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return errors.New("-dir=DIR is required")
			}
			log, keys, err := r.source(cmd.Context(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			copied := &mirror.Copy{From: log, To: mirror.Dir(dir)}
			bar := progress(cmd.ErrOrStderr(), "copying")
			a := ledger.Audit{Log: copied, Keys: keys, Progress: func(_ ledger.Checkpoint, at, size int64) { bar(int(at), int(size)) }}
			known, err := copied.To.Checkpoint(cmd.Context())
			if err != nil {
				return failure{err}
			}
			if known != nil {
				a.Known = []ledger.Checkpoint{*known}
			}
			result, err := a.Run(cmd.Context())
			if err != nil {
				return unreadable(err)
			}
			next := "keep " + dir + " as it is: it is evidence"
			if len(result.Findings) > 0 && known != nil {
				next = "if only the copy is damaged, remove the files named and run this again; else it is evidence, with what the mount signs now in " + mirror.Unsound
				err = copied.Reject()
			} else {
				err = copied.Finish()
			}
			if err != nil {
				return failure{err}
			}
			return showAudit(cmd.OutOrStdout(), f, &audited{Known: len(a.Known), Result: result}, next)
		},
	}
	r.vault.register(cmd)
	r.registerKey(cmd)
	f.register(cmd)
	cmd.Flags().StringVar(&dir, "dir", "", "directory to copy to; made if it is not there")
	return cmd
}
