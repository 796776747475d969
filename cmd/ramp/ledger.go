package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/mirror"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/mount"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

func ledgerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Verify, read, prove and copy the ledger of a mount",
		Long: `Verify, read, prove and copy the ledger of a mount: everything that was issued,
renewed, refused, revoked and changed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(ledgerVerifyCommand(), ledgerExportCommand(), ledgerTailCommand(), ledgerProveCommand(),
		ledgerReconcileCommand(), ledgerKeyCommand())
	return cmd
}

// record is a ledger that can be verified: that of a mount, or a copy of one.
type record struct {
	vault
	dir  string
	keys []string
}

func (r *record) register(cmd *cobra.Command) {
	r.vault.register(cmd)
	cmd.Flags().StringVar(&r.dir, "dir", "", "read the copy in this directory (see ramp ledger export), not a mount")
	r.registerKey(cmd)
}

func (r *record) registerKey(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&r.keys, "key", nil, "key that signs the checkpoint, noted outside of Vault: NAME+HASH+KEY, or @FILE; may be repeated")
}

// source is where the ledger is read, with the keys that it is held to.
func (r *record) source(ctx context.Context, warn io.Writer) (ledger.Reader, []note.Verifier, error) {
	keys, err := verifiers(r.keys)
	switch {
	case err != nil:
		return nil, nil, err
	case r.dir != "" && len(keys) == 0:
		return nil, nil, errors.New("-dir takes -key=NAME+HASH+KEY: a copy cannot vouch for itself; vault read ramp/ledger/key shows the key")
	case r.dir != "":
		return mirror.Dir(r.dir), keys, nil
	}
	m, err := r.open()
	if err != nil {
		return nil, nil, err
	}
	if len(keys) > 0 {
		return mount.Ledger{Mount: m}, keys, nil
	}
	texts, err := published(ctx, m)
	if err != nil {
		return nil, nil, err
	}
	fmt.Fprintf(warn, "the key is the one that the mount publishes; to rely on nothing of it, note the key outside: -key='%s'\n", texts[0])
	keys, err = verifiers(texts)
	return mount.Ledger{Mount: m}, keys, err
}

func verifiers(texts []string) (keys []note.Verifier, err error) {
	for _, text := range texts {
		if name, ok := strings.CutPrefix(text, "@"); ok {
			content, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			text = strings.TrimSpace(string(content))
		}
		key, err := note.NewVerifier(text)
		if err != nil {
			return nil, fmt.Errorf("-key=%.200s: not a verifier key, which is NAME+HASH+KEY", text)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// published are the keys that the mount itself says it signs with, the newest
// first.
func published(ctx context.Context, m *mount.Mount) ([]string, error) {
	var answer struct {
		Keys []struct {
			Key string `json:"key"`
		} `json:"keys"`
	}
	if _, err := m.Query(ctx, "ledger/key", nil, &answer); err != nil {
		return nil, failure{err}
	}
	var texts []string
	for _, k := range answer.Keys {
		texts = append(texts, k.Key)
	}
	if len(texts) == 0 {
		return nil, noLedger(m.Address())
	}
	return texts, nil
}

func noLedger(where string) error {
	return advise(fmt.Errorf("there is no ledger at %s", where), "vault secrets list shows where Ramp is mounted (-mount=PATH), vault write PATH/config ledger=on begins a ledger")
}

// unreadable explains why a ledger could not be read.
func unreadable(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return advise(err, "is there a ledger? A mount has one unless its config says ledger=off, a copy has a file checkpoint")
	}
	return failure{err}
}
