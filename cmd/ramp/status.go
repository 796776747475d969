package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/mount"
)

// status is one screen about a mount.
type status struct {
	Mount     string              `json:"mount"`
	Issuer    string              `json:"issuer"`
	Health    map[string]any      `json:"health"`
	Keys      []signing           `json:"keys"`
	Services  int                 `json:"services"`
	Contracts map[string][]string `json:"contracts"` // by state
	Suspended []string            `json:"suspended_services,omitempty"`
	Expiring  []ending            `json:"expiring,omitempty"`
}

type signing struct {
	Name      string `json:"name"`
	KeyID     string `json:"kid"`
	Algorithm string `json:"algorithm"`
	Since     string `json:"since"`
	Next      string `json:"next,omitempty"` // when the next key signs
}

// ending is a row of report/expiring.
type ending struct {
	At     time.Time `json:"at"`
	Kind   string    `json:"kind"`
	Name   string    `json:"name"`
	Detail string    `json:"detail,omitempty"`
}

func statusCommand() *cobra.Command {
	var o operation
	var days int
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how a mount is: health, ledger, keys, contracts by state, what expires",
		Long: `Show how a mount is on one screen: health, how far behind the ledger is, age of the
signing keys, contracts by state, and what expires soon.

Exit code 0: serving. Exit code 1: not, or with a damaged ledger, or not to be
reached.`,
		Example: `  ramp status
  ramp status -days=7 -format=json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if days < 0 || days > 3650 {
				return errors.New("-days takes a number from 0 to 3650")
			}
			m, err := o.open()
			if err != nil {
				return err
			}
			now := time.Now()
			s, err := readStatus(cmd, m, days)
			if err != nil {
				return failure{err}
			}
			if err := o.print(cmd.OutOrStdout(), s, func(w io.Writer) { s.show(w, now, days) }); err != nil {
				return err
			}
			if s.Health["state"] != "serving" {
				return advise(fmt.Errorf("the mount is %v", s.Health["state"]), "vault write %s/config issuer=https://…", m.Path)
			}
			if s.Health["ledger"] == "damaged" {
				return advise(errors.New("the ledger is damaged: nothing is issued or changed"), "ramp ledger verify says what is wrong where")
			}
			return nil
		},
	}
	o.register(cmd)
	cmd.Flags().IntVar(&days, "days", 30, "how far ahead to look for what expires")
	return cmd
}

func readStatus(cmd *cobra.Command, m *mount.Mount, days int) (*status, error) {
	ctx := cmd.Context()
	s := &status{Mount: m.Address(), Contracts: map[string][]string{}}
	config, err := m.Read(ctx, "config")
	if err != nil {
		return nil, err
	}
	s.Issuer, _ = config["issuer"].(string)
	if s.Health, err = m.Read(ctx, "health"); err != nil {
		return nil, err
	}
	if s.Keys, err = readKeys(ctx, m); err != nil {
		return nil, err
	}
	snap, err := m.Snapshot(ctx, progress(cmd.ErrOrStderr(), "reading"))
	if err != nil {
		return nil, err
	}
	s.Services = len(snap.Services)
	for _, name := range slices.Sorted(maps.Keys(snap.Services)) {
		if snap.Services[name].State == "suspended" {
			s.Suspended = append(s.Suspended, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(snap.Contracts)) {
		c := snap.Contracts[name]
		s.Contracts[c.State] = append(s.Contracts[c.State], name)
	}
	s.Expiring, err = readExpiring(cmd, m, days)
	return s, err
}

// readExpiring asks what ends soon, but for single credentials: those do all day.
func readExpiring(cmd *cobra.Command, m *mount.Mount, days int) ([]ending, error) {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == "expiring" })
	all, err := kinds[i].read(cmd, m, map[string]string{"within": fmt.Sprintf("%dh", 24*days)})
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(all["expiring"])
	if err != nil {
		return nil, err
	}
	var list []ending
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("report/expiring: %w", err)
	}
	return slices.DeleteFunc(list, func(e ending) bool { return e.Kind == "credentials" }), nil
}

func readKeys(ctx context.Context, m *mount.Mount) ([]signing, error) {
	names, err := m.List(ctx, "keys/")
	if err != nil {
		return nil, err
	}
	var list []signing
	for _, name := range names {
		data, err := m.Read(ctx, "keys/"+name)
		if err != nil {
			return nil, err
		}
		var set struct {
			Keys []struct {
				KeyID       string `json:"kid"`
				Algorithm   string `json:"algorithm"`
				State       string `json:"state"`
				ActivatesAt string `json:"activates_at"`
			} `json:"keys"`
		}
		text, err := json.Marshal(data)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, &set); err != nil {
			return nil, fmt.Errorf("keys/%s: %w", name, err)
		}
		s := signing{Name: name}
		for _, k := range set.Keys {
			switch k.State {
			case "current":
				s.KeyID, s.Algorithm, s.Since = k.KeyID, k.Algorithm, k.ActivatesAt
			case "scheduled":
				s.Next = k.ActivatesAt
			}
		}
		list = append(list, s)
	}
	return list, nil
}
