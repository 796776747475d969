package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/mount"
)

// kind is a kind of report that a mount answers in pages.
type kind struct {
	name, short, long, example string
	columns                    []string    // fields of a row, in the order of the table
	flags                      [][2]string // parameters: name and meaning
}

var kinds = []kind{
	{
		name: "expiring", short: "What ends soon: contracts, generations, keys, credentials",
		example: "  ramp report expiring -within=24h",
		columns: []string{"at", "kind", "name", "detail", "owner", "count"},
		flags:   [][2]string{{"within", "how far to look ahead; default: 168h"}},
	},
	{
		name: "usage", short: "Who uses which contract, and how much",
		example: "  ramp report usage -by=hour -contract=orders-to-payments",
		columns: []string{"hour", "contract", "caller", "issued", "renewed", "revoked", "expired", "accepted", "refused"},
		flags: [][2]string{
			{"by", "what a row is about: caller, contract or hour; default: caller"},
			{"from", "RFC 3339 time of the first hour; default: a week ago"}, {"to", "RFC 3339 time before which the last hour begins; default: now"},
			{"contract", "only this contract"}, {"caller", "only this caller: an entity ID"},
		},
	},
	{
		name: "idle", short: "Contracts and scopes that nobody uses",
		long: `
With -format=json, "suggested" has the fields to write for a smaller contract.`,
		example: "  ramp report idle -for=720h",
		columns: []string{"contract", "service", "owner", "idle", "last_used", "unused_scopes"},
		flags:   [][2]string{{"for", "what was not used for so long is idle; default: 168h"}},
	},
	{
		name: "denials", short: "Who was refused what, and why",
		example: "  ramp report denials -code=scope_not_granted",
		columns: []string{"contract", "caller", "code", "count", "last"},
		flags: [][2]string{
			{"from", "RFC 3339 time of the first hour; default: a week ago"}, {"to", "RFC 3339 time before which the last hour begins; default: now"},
			{"contract", "only this contract"}, {"caller", "only this caller: an entity ID"}, {"code", "only denials with this code"},
		},
	},
	{
		name: "graph", short: "Who can reach whom",
		long: `
The table has the edges; ramp graph draws a picture.`,
		example: "  ramp report graph -format=json | jq '.edges[] | select(.how == \"seen\")'",
		columns: []string{"from", "to", "how", "scopes", "last_seen"},
	},
}

func reportsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Show what expires, who uses what, what is idle, who was refused, who can reach whom",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, k := range kinds {
		cmd.AddCommand(k.command())
	}
	return cmd
}

func (k kind) command() *cobra.Command {
	var o operation
	query := make([]string, len(k.flags))
	cmd := &cobra.Command{
		Use:     k.name,
		Short:   k.short,
		Long:    k.short + ".\n" + k.long,
		Example: k.example,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := o.open()
			if err != nil {
				return err
			}
			ask := map[string]string{}
			for i, f := range k.flags {
				if query[i] != "" {
					ask[f[0]] = query[i]
				}
			}
			all, err := k.read(cmd, m, ask)
			if err != nil {
				return failure{err}
			}
			return o.print(cmd.OutOrStdout(), all, func(w io.Writer) { k.show(w, all) })
		},
	}
	o.register(cmd)
	for i, f := range k.flags {
		cmd.Flags().StringVar(&query[i], f[0], "", f[1])
	}
	return cmd
}

// answers are what all pages say together: lists of rows, and what else there is.
type answers map[string]any

// read follows the pages.
func (k kind) read(cmd *cobra.Command, m *mount.Mount, ask map[string]string) (answers, error) {
	all := answers{}
	ask["limit"] = fmt.Sprint(mount.MaxPage)
	nodes := map[any]bool{} // a node may be on several pages
	for {
		page := answers{}
		found, err := m.Query(cmd.Context(), "report/"+k.name, ask, &page)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, &mount.Failure{Err: fmt.Errorf("%s has no reports", m.Address()), Next: "vault secrets list shows where Ramp is mounted: -mount=PATH"}
		}
		next, _ := page["next"].(string)
		delete(page, "next")
		for name, v := range page {
			rows, ok := v.([]any)
			if !ok {
				all[name] = v
				continue
			}
			list, _ := all[name].([]any)
			for _, row := range rows {
				if id := field(row, "id"); id != nil {
					if nodes[id] {
						continue
					}
					nodes[id] = true
				}
				list = append(list, row)
			}
			if list == nil {
				list = []any{}
			}
			all[name] = list
		}
		if next == "" {
			soonest, _ := all["expiring"].([]any) // sorted within pages
			slices.SortStableFunc(soonest, func(a, b any) int { return strings.Compare(cell(field(a, "at")), cell(field(b, "at"))) })
			return all, nil
		}
		ask["after"] = next
	}
}

func field(row any, name string) any {
	fields, _ := row.(map[string]any)
	return fields[name]
}

// show writes the rows that have anything to say, and leaves out empty columns.
func (k kind) show(w io.Writer, r answers) {
	list, _ := r[k.name].([]any)
	if k.name == "graph" {
		list, _ = r["edges"].([]any)
	}
	if len(list) == 0 {
		fmt.Fprintln(w, "nothing to report")
	}
	var columns []string
	for _, c := range k.columns {
		for _, row := range list {
			if cell(field(row, c)) != "" {
				columns = append(columns, c)
				break
			}
		}
	}
	var lines [][]string
	if len(list) > 0 {
		lines = append(lines, []string{strings.ToUpper(strings.ReplaceAll(strings.Join(columns, "\t"), "_", " "))})
	}
	for _, row := range list {
		var cells []string
		for _, c := range columns {
			cells = append(cells, cell(field(row, c)))
		}
		lines = append(lines, cells)
	}
	rows(w, lines...)
	if since, _ := r["since"].(string); since != "" {
		fmt.Fprintf(w, "counted since %s\n", since)
	}
}

func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []any:
		texts := make([]string, len(v))
		for i, t := range v {
			texts[i] = cell(t)
		}
		return strings.Join(texts, " ")
	case string:
		return printable(v)
	case json.Number:
		return v.String()
	}
	return fmt.Sprint(v)
}
