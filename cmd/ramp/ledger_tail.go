package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/mount"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// logged is an entry and its place.
type logged struct {
	Index int64           `json:"index"`
	Entry json.RawMessage `json:"entry"`
}

func ledgerTailCommand() *cobra.Command {
	var o operation
	var n int64
	var follow bool
	cmd := &cobra.Command{
		Use:   "tail [-n=20] [-follow]",
		Short: "Show the latest entries of the ledger, and those that come",
		Long: `Show the latest entries of the ledger, one a line, and with -follow those that come
until it is interrupted. With -format=json each entry is one object.`,
		Example: `  ramp ledger tail -n=100
  ramp ledger tail -follow -format=json | jq 'select(.entry.type == "denial")'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if n < 1 {
				return errors.New("-n takes a number from 1 on")
			}
			m, err := o.open()
			if err != nil {
				return err
			}
			if follow {
				return o.follow(cmd, m, n)
			}
			for from := -n; n > 0; {
				next, err := o.page(cmd, m, from, n)
				if err != nil || next.index == next.size {
					return err
				}
				from, n = next.index, n-next.shown
			}
			return nil
		},
	}
	o.register(cmd)
	cmd.Flags().Int64VarP(&n, "n", "n", 20, "how many entries")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with entries as they come")
	return cmd
}

// follow shows the last n entries, and those that come until it is interrupted,
// also when Vault is away meanwhile.
func (o *operation) follow(cmd *cobra.Command, m *mount.Mount, n int64) error {
	ctx, away := cmd.Context(), false
	from, most, began := -n, n, false
	for ctx.Err() == nil {
		next, err := o.page(cmd, m, from, most)
		switch {
		case ctx.Err() != nil:
			return nil
		case began && mount.Passing(err):
			if !away {
				fmt.Fprintf(cmd.ErrOrStderr(), "ramp: %v; going on when it answers\n", err)
			}
			away = true
		case err != nil:
			return err
		default:
			from, most, began, away = next.index, mount.MaxPage, true, false
		}
		if away || next.index == next.size {
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}
	return nil
}

// place is where reading goes on.
type place struct{ index, size, shown int64 }

func (o *operation) page(cmd *cobra.Command, m *mount.Mount, from, most int64) (place, error) {
	var page struct {
		Entries []logged `json:"entries"`
		Size    int64    `json:"size"`
		Next    int64    `json:"next"`
	}
	found, err := m.Query(cmd.Context(), "ledger/entries", map[string]string{
		"from": strconv.FormatInt(from, 10), "limit": strconv.FormatInt(min(most, mount.MaxPage), 10),
	}, &page)
	switch {
	case err != nil:
		return place{}, failure{err}
	case !found:
		return place{}, noLedger(m.Address())
	}
	for _, e := range page.Entries {
		if err := o.stream(cmd.OutOrStdout(), e, e.line); err != nil {
			return place{}, err
		}
	}
	return place{page.Next, page.Size, int64(len(page.Entries))}, nil
}

// stream prints one of many values.
func (f format) stream(w io.Writer, v any, line func(io.Writer)) error {
	if f == "yaml" {
		fmt.Fprintln(w, "---")
	}
	return f.print(w, v, line)
}

// line is an entry for people: place, time, what, about what, by whom, why.
func (l logged) line(w io.Writer) {
	e, err := ledger.ParseEntry(l.Entry)
	if err != nil {
		fmt.Fprintf(w, "%8d  %s\n", l.Index, printable(err.Error()))
		return
	}
	what := e.Type
	if e.Action != "" {
		what += "." + e.Action
	}
	var words []string
	say := func(name, value string) {
		if value != "" {
			words = append(words, name+value)
		}
	}
	say("", e.Contract)
	if e.Contract == "" {
		say("", e.Service)
	}
	say("", e.Name)
	say("caller=", e.Caller)
	say("jti=", e.JTI)
	say("stage=", e.Stage)
	say("generation=", e.Generation)
	say("code=", e.Code)
	if e.Count > 1 {
		say("count=", strconv.FormatUint(e.Count, 10))
	}
	if e.Recovered {
		say("", "recovered")
	}
	say("", e.Reason)
	if e.Type == ledger.Denial {
		what = red(fmt.Sprintf("%-16s", what))
	}
	fmt.Fprintf(w, "%8d  %s  %-16s %s\n", l.Index, e.Time.Format("2006-01-02T15:04:05.000Z"), what, printable(strings.Join(words, " ")))
}
