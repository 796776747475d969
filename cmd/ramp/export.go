package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/estate"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/mount"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/plan"
)

func exportCommand() *cobra.Command {
	var v vault
	var form format
	var owner, dir string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write what is on the mount as files",
		Long: `Write the services and contracts of the mount as contract files: to standard
output, or to services.hcl and contracts.hcl in a directory. plan finds no
difference between those files and the mount.`,
		Example: `  ramp export -dir=contracts && ramp plan contracts
  ramp export -owner=team-orders > orders.hcl
  ramp export -format=json > everything.hcl.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if form == "yaml" {
				return fmt.Errorf("there are no contract files in YAML; use json, or leave -format out for HCL")
			}
			m, err := v.open()
			if err != nil {
				return err
			}
			snap, err := m.Snapshot(cmd.Context(), progress(cmd.ErrOrStderr(), "reading"))
			if err != nil {
				return failure{err}
			}
			x := &exported{snap: snap, owner: owner}
			if form == "json" {
				return x.json(cmd.OutOrStdout())
			}
			if dir != "" {
				return x.files(cmd, dir)
			}
			return x.hcl(cmd.OutOrStdout(), cmd.OutOrStdout())
		},
	}
	v.register(cmd)
	form.register(cmd)
	cmd.Flags().StringVar(&owner, "owner", "", "only what this owner manages; default: everything")
	cmd.Flags().StringVar(&dir, "dir", "", "directory to write services.hcl and contracts.hcl to")
	return cmd
}

// exported is a snapshot on its way to files. The label of the owner is left
// out: apply writes it.
type exported struct {
	snap  *mount.Snapshot
	owner string
}

func (x *exported) keep(metadata map[string]string) (map[string]string, bool) {
	if x.owner != "" && metadata[plan.Label] != x.owner {
		return nil, false
	}
	rest := maps.Clone(metadata)
	delete(rest, plan.Label)
	return rest, true
}

func (x *exported) hcl(services, contracts io.Writer) error {
	if x.owner != "" {
		fmt.Fprintf(services, "estate {\n  owner = %q\n}\n\n", x.owner)
	}
	first := map[io.Writer]bool{services: true, contracts: true}
	gap := func(w io.Writer) {
		if !first[w] {
			fmt.Fprintln(w)
		}
		first[w] = false
	}
	for _, name := range slices.Sorted(maps.Keys(x.snap.Services)) {
		terms, mine := x.snap.Services[name].ServiceTerms, false
		if terms.Metadata, mine = x.keep(terms.Metadata); !mine {
			continue
		}
		gap(services)
		if err := estate.PrintService(services, name, terms); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(x.snap.Contracts)) {
		terms, mine := x.snap.Contracts[name].Terms, false
		if terms.Metadata, mine = x.keep(terms.Metadata); !mine {
			continue
		}
		gap(contracts)
		if err := estate.PrintContract(contracts, name, terms); err != nil {
			return err
		}
	}
	return nil
}

func (x *exported) files(cmd *cobra.Command, dir string) error {
	var services, contracts bytes.Buffer
	if err := x.hcl(&services, &contracts); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return failure{err}
	}
	for name, text := range map[string][]byte{"services.hcl": services.Bytes(), "contracts.hcl": contracts.Bytes()} {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
		if err != nil {
			return advise(err, "give -dir a directory without %s", name)
		}
		if _, err := f.Write(text); err != nil {
			f.Close()
			return failure{err}
		}
		if err := f.Close(); err != nil {
			return failure{err}
		}
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "wrote %s and %s to %s\n", count(len(x.snap.Services), "service"), count(len(x.snap.Contracts), "contract"), dir)
	return nil
}

func (x *exported) json(w io.Writer) error {
	services, contracts := map[string]any{}, map[string]any{}
	for name, s := range x.snap.Services {
		terms, mine := s.ServiceTerms, false
		if terms.Metadata, mine = x.keep(terms.Metadata); mine {
			services[name] = endpoint.Encode(terms)
		}
	}
	for name, c := range x.snap.Contracts {
		terms, mine := c.Terms, false
		if terms.Metadata, mine = x.keep(terms.Metadata); mine {
			contracts[name] = endpoint.Encode(terms)
		}
	}
	all := map[string]any{"service": services, "contract": contracts}
	if x.owner != "" {
		all["estate"] = map[string]any{"owner": x.owner}
	}
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(all); err != nil {
		return err
	}
	// Strings are templates in HCL's JSON syntax.
	_, err := io.WriteString(w, strings.NewReplacer("${", "$${", "%{", "%%{").Replace(text.String()))
	return err
}
