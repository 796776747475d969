package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// TestMain lets this test binary be the command, when it is called so.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ramp": main})
}

// update writes what the commands say now into the transcripts; read it then.
var update = os.Getenv("UPDATE_TRANSCRIPTS") != ""

// TestFiles are transcripts of commands that need no Vault.
func TestFiles(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/files", Setup: bare, UpdateScripts: update})
}

// TestMount are transcripts of commands on a real Vault, one for each.
func TestMount(t *testing.T) {
	vaulttest.Binary(t) // skips when there is none to be had
	scripts, err := filepath.Glob("testdata/mount/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, script := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(script), ".txtar"), func(t *testing.T) {
			s := vaulttest.Start(t, vaulttest.WithMount("ramp"))
			orders := s.AppRole("orders", s.Policy("caller", `path "ramp/+/*" { capabilities = ["read", "update"] }`))
			testscript.Run(t, testscript.Params{Files: []string{script}, UpdateScripts: update, Setup: func(e *testscript.Env) error {
				e.Setenv("VAULT_ADDR", s.Addr)
				e.Setenv("VAULT_TOKEN", s.RootToken)
				e.Setenv("ORDERS_TOKEN", orders.Token)
				e.Setenv("ORDERS_ID", orders.EntityID)
				if err := os.Symlink(s.Bin, filepath.Join(e.WorkDir, ".bin-vault")); err != nil {
					return err
				}
				e.Setenv("vault", filepath.Join(e.WorkDir, ".bin-vault"))
				return bare(e)
			}})
		})
	}
}

// bare keeps what the developer's own environment says out of the transcripts.
func bare(e *testscript.Env) error {
	e.Setenv("HOME", e.WorkDir)
	e.Setenv("NO_COLOR", "1")
	estate, err := filepath.Abs("testdata/estate")
	if err != nil {
		return err
	}
	e.Setenv("ESTATE", estate)
	e.Setenv("DOCS", filepath.Join(estate, "../../../../docs"))
	return nil
}
