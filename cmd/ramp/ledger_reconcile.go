package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/auditlog"
)

func ledgerReconcileCommand() *cobra.Command {
	var r record
	var f format
	var names []string
	var most int
	cmd := &cobra.Command{
		Use:   "reconcile -audit-file=FILE... [-key=KEY]... [-dir=DIR]",
		Short: "Compare the ledger with the files of a Vault audit device",
		Long: `Compare the ledger with the files of a Vault audit device (JSON, also rotated and
gzipped ones), by request ID, which no device hashes. For the time that the files
cover, it lists

  entries without a line: somebody took lines away, or a file is missing;
  lines without an entry: issues and changes of this mount that the ledger does not
  have, because it was off or somebody rewrote it (ramp ledger verify tells).

Renewals and ends of leases bear no request ID: Vault makes them on its own account.
Renewals are compared by their number. Denials are not missed in the ledger, which
counts floods of them.

Exit codes: 0 they agree, 1 they do not, or cannot be read, 2 called wrongly.`,
		Example: `  ramp ledger reconcile -audit-file=/var/log/vault/audit.log
  ramp ledger reconcile -audit-file=audit.log.2.gz -audit-file=audit.log.1 -audit-file=audit.log -format=json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			j := auditlog.Join{Mount: strings.Trim(r.path, "/"), Namespace: strings.Trim(os.Getenv("VAULT_NAMESPACE"), "/"), Most: most}
			for _, name := range append(names, args...) {
				file, err := auditlog.Open(name)
				if err != nil {
					return err
				}
				j.Files = append(j.Files, file)
			}
			switch {
			case len(j.Files) == 0:
				return errors.New("-audit-file=FILE is required")
			case most < 0:
				return errors.New("-limit takes a number from 0 on")
			}
			log, at, _, err := r.signed(cmd.Context(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			bar := progress(cmd.ErrOrStderr(), "reading KB")
			j.Ledger, j.Size = log, at.Size
			j.Progress = func(done, all int64) { bar(int(done>>10), int(all>>10)) } // KB
			found, err := j.Run(cmd.Context())
			if err != nil {
				return unreadable(err)
			}
			return showReconciliation(cmd.OutOrStdout(), f, found)
		},
	}
	r.register(cmd)
	f.register(cmd)
	cmd.Flags().StringArrayVar(&names, "audit-file", nil, "file of an audit device; may be repeated")
	cmd.Flags().IntVar(&most, "limit", 100, "how many of each kind are listed; all are counted")
	return cmd
}

func showReconciliation(w io.Writer, f format, r *auditlog.Report) error {
	if r.Lines == 0 {
		return advise(errors.New("the files have no line of an audit device in JSON"), "vault audit list -detailed shows where a device writes, and its format")
	}
	if err := f.print(w, r, func(w io.Writer) { reconciliation(w, r) }); err != nil {
		return err
	}
	if r.Unaudited+r.Unrecorded > 0 {
		return advise(errors.New("audit device and ledger do not agree"), "are all files of the time given? ramp ledger verify tells whether somebody rewrote the ledger")
	}
	return nil
}

func reconciliation(w io.Writer, r *auditlog.Report) {
	lines := [][]string{
		{"Time", r.From.UTC().Format(time.RFC3339) + " to " + r.To.UTC().Format(time.RFC3339)},
		{"Lines", fmt.Sprint(r.Lines)},
		{"Entries", fmt.Sprintf("%d with a request ID, %d that Vault made for leases", r.Entries, r.Leases)},
		{"Joined", count(int(r.Joined), "request")},
		{"Renewals", fmt.Sprintf("%d in the files, %d in the ledger", r.Renewed.Lines, r.Renewed.Entries)},
	}
	if r.Unreadable > 0 {
		lines = append(lines, []string{"Unreadable", count(int(r.Unreadable), "line")})
	}
	rows(w, lines...)
	heading(w, r.Unaudited, "entries without a line")
	for _, e := range r.ListedBare {
		if e.Entry != nil {
			fmt.Fprintf(w, "%8d  %s  %s %s %s\n", e.Index, e.Entry.Time.Format(time.RFC3339), printable(e.Entry.Type), printable(e.Entry.RequestID), printable(e.Entry.Contract+" "+e.Entry.JTI))
		}
	}
	heading(w, r.Unrecorded, "lines without an entry")
	for _, l := range r.ListedLost {
		fmt.Fprintf(w, "          %s  %s %s %s\n", l.Time.UTC().Format(time.RFC3339), printable(l.Operation), printable(l.RequestID), printable(l.Path))
	}
}

func heading(w io.Writer, n int64, what string) {
	mark := green("✓")
	if n > 0 {
		mark = red("✗")
	}
	fmt.Fprintln(w, mark, n, what)
}
