package vaulttest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// Vault starts a killed plugin again, and a killed Vault leaves none behind.
func TestPluginProcess(t *testing.T) {
	t.Parallel()
	s := vaulttest.Start(t, vaulttest.WithoutPlugin())
	binary := filepath.Join(t.TempDir(), "noop")
	if out, err := exec.Command("go", "build", "-o", binary, "../../scripts/bench/noop").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.RegisterBinary("noop", "", binary)
	s.Write("sys/mounts/noop", map[string]any{"type": "noop"})
	s.Write("noop/config", map[string]any{"size": 100})

	issue := func() {
		t.Helper()
		secret, err := s.Client.Logical().Read("noop/creds")
		if err != nil {
			t.Fatal(err)
		}
		if token, _ := secret.Data["token"].(string); len(token) != 100 || secret.LeaseID == "" {
			t.Errorf("token of %d bytes under lease %q", len(token), secret.LeaseID)
		}
	}
	issue()
	first := running(t, s.Dir)
	s.KillPlugin()
	issue()
	second := running(t, s.Dir)
	if len(first) != 1 || len(second) != 1 || slices.Equal(first, second) {
		t.Errorf("plugin processes: %v, and after KillPlugin %v", first, second)
	}

	s.Kill()
	for deadline := time.Now().Add(10 * time.Second); len(running(t, s.Dir)) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still running: %v", running(t, s.Dir))
		}
	}
}

// running returns the /proc directories of the processes whose program lies in dir.
func running(t *testing.T, dir string) []string {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(links, func(link string) bool {
		program, err := os.Readlink(link)
		return err != nil || !strings.HasPrefix(program, dir)
	})
}
