package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// audited is what ramp ledger verify found.
type audited struct {
	Sound  bool   `json:"sound"`
	Origin string `json:"origin,omitempty"`
	Root   string `json:"root,omitempty"`
	From   int64  `json:"from"`  // entries that an earlier run had verified
	Known  int    `json:"known"` // earlier checkpoints it was compared with
	*ledger.Result
}

func ledgerVerifyCommand() *cobra.Command {
	var r record
	var f format
	var from string
	var checkpoints []string
	cmd := &cobra.Command{
		Use:   "verify [-key=KEY]... [-checkpoint=FILE]... [-from=FILE] [-dir=DIR]",
		Short: "Verify that nobody rewrote the ledger, and say what is wrong where",
		Long: `Verify the ledger: that its checkpoint is signed, that every entry and every hash is
the one that was signed, and that it begins with what earlier checkpoints say. One
contradiction is proof that somebody rewrote or forked it.

Earlier checkpoints are what only those know who kept them: files with what
ledger/checkpoint answered, or directories with such files (*.checkpoint).

With -from, FILE remembers how far a run got, and the next one goes on there: also
after an interruption. It is a checkpoint, and what is before it cannot be changed
unnoticed; the bodies of these entries are not read again.

Exit codes: 0 sound, 1 something is wrong or cannot be read, 2 called wrongly.`,
		Example: `  ramp ledger verify -key=@witness/key -checkpoint=witness
  ramp ledger verify -from=ledger.state       # from cron: only what is new
  ramp ledger verify -dir=copy -key=@witness/key -format=json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			known, err := readCheckpoints(checkpoints, cmd.InOrStdin())
			if err != nil {
				return err
			}
			state := progressFile{name: from}
			if err := state.load(); err != nil {
				return err
			}
			log, keys, err := r.source(cmd.Context(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			a := ledger.Audit{Log: log, Keys: keys, Known: known, From: state.at}
			bar := progress(cmd.ErrOrStderr(), "verifying")
			a.Progress = func(done ledger.Checkpoint, at, size int64) {
				bar(int(at), int(size))
				state.keep(done, time.Now())
			}
			begun := state.at.Size
			result, err := a.Run(cmd.Context())
			if result != nil && err == nil && len(result.Findings) == 0 {
				state.at = result.Checkpoint
			}
			saved := state.save()
			if err != nil {
				return unreadable(err)
			}
			next := "copy it as it is (ramp ledger export), with the checkpoints you hold, before anybody repairs it"
			if err := showAudit(cmd.OutOrStdout(), f, &audited{From: begun, Known: len(known), Result: result}, next); err != nil {
				return err
			}
			if saved != nil {
				return advise(saved, "-from=FILE has to be where a file can be written")
			}
			return nil
		},
	}
	r.register(cmd)
	f.register(cmd)
	cmd.Flags().StringArrayVar(&checkpoints, "checkpoint", nil, "earlier checkpoint: a file, a directory of *.checkpoint, - for standard input; may be repeated")
	cmd.Flags().StringVar(&from, "from", "", "file that remembers how far a run got; made by the first one")
	return cmd
}

func showAudit(w io.Writer, f format, a *audited, next string) error {
	a.Sound, a.Origin = len(a.Findings) == 0, a.Checkpoint.Origin
	if a.Origin != "" {
		a.Root = a.Checkpoint.Root.String()
	}
	if a.Findings == nil {
		a.Findings = []ledger.Finding{}
	}
	if err := f.print(w, a, a.show); err != nil {
		return err
	}
	if !a.Sound {
		return advise(errors.New("the ledger is not what was recorded"), "%s", next)
	}
	return nil
}

func (a *audited) show(w io.Writer) {
	if a.Origin != "" {
		lines := [][]string{{"Ledger", a.Origin}, {"Size", entries(a.Size)}, {"Root", a.Root}, {"Read", entries(a.Entries)}}
		if a.From > 0 {
			lines = append(lines, []string{"Before", entries(a.From) + " verified by an earlier run"})
		}
		if a.Pruned > 0 {
			lines = append(lines, []string{"Pruned", entries(a.Pruned) + ", as an entry of type prune says"})
		}
		if a.Known > 0 {
			lines = append(lines, []string{"Compared", "with " + count(a.Known, "earlier checkpoint")})
		}
		rows(w, lines...)
	}
	for _, f := range a.Findings {
		fmt.Fprintln(w, red("✗"), printable(f.String()))
	}
	if a.Sound {
		fmt.Fprintln(w, green("✓"), "sound: every entry is the one that was signed")
	}
}

func entries(n int64) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}
