package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// process prepares this test binary to run as the command, see TestMain.
func process(t *testing.T, s *vaulttest.Server, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := s.Command(s.RootToken)
	cmd.Path, cmd.Args, cmd.Err = self, append([]string{"ramp"}, args...), nil
	return cmd
}

// do runs the command and returns its exit code and what it printed.
func do(t *testing.T, s *vaulttest.Server, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, diag bytes.Buffer
	cmd := process(t, s, args...)
	cmd.Stdout, cmd.Stderr = &out, &diag
	err := cmd.Run()
	if ended := (*exec.ExitError)(nil); err != nil && !errors.As(err, &ended) {
		t.Fatalf("ramp %s: %v", strings.Join(args, " "), err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), diag.String()
}

// must runs the command and fails unless it exits with the code.
func must(t *testing.T, code int, s *vaulttest.Server, args ...string) (stdout string) {
	t.Helper()
	got, stdout, stderr := do(t, s, args...)
	if got != code {
		t.Fatalf("ramp %s: exit code %d, want %d\n%s\n%s", strings.Join(args, " "), got, code, stdout, stderr)
	}
	return stdout
}

// write writes a file below a directory.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
