// Package docs_test runs what the documentation tells people to run.
package docs_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// TestBlocks runs the sh blocks of each page, in order, as one script on a
// development Vault of its own. Blocks marked shell are for people alone.
func TestBlocks(t *testing.T) {
	vault := vaulttest.Binary(t)
	root := build(t)
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "../README.md") {
		script := blocks(t, page)
		if script == "" {
			continue
		}
		t.Run(filepath.Base(page), func(t *testing.T) {
			dir := t.TempDir()
			for _, name := range []string{"bootstrap", "scripts", "bin"} {
				if err := os.Symlink(filepath.Join(root, name), filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			state := filepath.Join(dir, ".cache", "dev")
			env := append(os.Environ(), "RAMP_DEV_DIR="+state, "VAULT_BIN="+vault, "HOME="+dir)
			t.Cleanup(func() { run(t, dir, env, `bootstrap/dev/down`) })
			run(t, dir, env, "bootstrap/dev/up && bootstrap/dev/demo")
			run(t, dir, env, prelude+script)
		})
	}
}

// TestQuickstart is the promise of the README's first command.
func TestQuickstart(t *testing.T) {
	vault := vaulttest.Binary(t)
	root := build(t)
	env := append(os.Environ(), "VAULT_BIN="+vault, "RAMP_DEV_DIR="+filepath.Join(t.TempDir(), "dev"))
	said := run(t, root, env, "scripts/quickstart")
	for _, want := range []string{
		`ok  issuer      http://127.0.0.1:`,          // the checks of a verifier
		`lease_renewable    true`,                    // a renewal
		`Success! Revoked lease`,                     // a revocation
		`refused: the token is dead: it was revoked`, // the verifier's refusal after it
		`is suspended (contract_suspended)`,          // a denial that explains itself
		`the token has no Vault entity`,              // and another
		`the token has: invoices:read (scope)`,       // a scope that is not granted
		`make dev leaves such a Vault running`,       // the end of the tour
		`vault read ramp/creds/orders-to-payments`,   // what to type oneself
		`contract     orders-to-payments`,            // which contract gave it
		`no human took part`,                         // the point of it all
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the tour does not show %q", want)
		}
	}
	if t.Failed() {
		t.Log(said)
	}
}

// TestGoBlocks finds the go blocks of each page in an example that compiles.
func TestGoBlocks(t *testing.T) {
	var examples strings.Builder
	for _, pattern := range []string{"../verify/example_test.go", "../verify/*/example_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v %v", pattern, files, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			examples.Write(text)
		}
	}
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, rest := range strings.Split(string(text), "```go\n")[1:] {
			if block, _, _ := strings.Cut(rest, "```"); !strings.Contains(examples.String(), block) {
				t.Errorf("%s: no example has\n%s", page, block)
			}
		}
	}
}

const prelude = `
vault() { "$VAULT_BIN" "$@"; }
export PATH="$PWD/bin:$PATH"
refused() { if "$@"; then echo "this should have been refused: $*"; exit 1; fi; }
`

func build(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	run(t, root, os.Environ(), "make -s build")
	return root
}

func run(t *testing.T, dir string, env []string, script string) string {
	t.Helper()
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, script, out)
	}
	return string(out)
}

func blocks(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var script bytes.Buffer
	inside := false
	for line := range strings.Lines(string(text)) {
		switch strings.TrimSpace(line) {
		case "```sh":
			inside = true
		case "```":
			inside = false
		default:
			if inside {
				// A failing "! command" does not stop a script.
				if command, ok := strings.CutPrefix(line, "! "); ok {
					line = "refused " + command
				}
				script.WriteString(line)
			}
		}
	}
	return script.String()
}
