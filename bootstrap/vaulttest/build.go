package vaulttest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Binary returns the Vault binary that scripts/vault finds or builds. It skips the test in short mode.
func Binary(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a real Vault, which -short leaves out")
	}
	path, err := vault()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Plugin returns Ramp's plugin binary, built from this working tree as DefaultVersion.
func Plugin(t testing.TB) string {
	t.Helper()
	return PluginVersion(t, DefaultVersion)
}

// PluginVersion returns Ramp's plugin binary, built from this working tree to report the given version.
// With RAMP_RACE_PLUGIN=1 in the environment the race detector watches it, and a race fails the test.
func PluginVersion(t testing.TB, version string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), PluginName)
	install(t, path, build(t, version))
	return path
}

var (
	vault = sync.OnceValues(func() (string, error) {
		root, err := module()
		if err != nil {
			return "", err
		}
		return output(exec.Command(filepath.Join(root, "scripts", "vault")))
	})
	module = sync.OnceValues(func() (string, error) {
		gomod, err := output(exec.Command("go", "env", "GOMOD"))
		return filepath.Dir(gomod), err
	})
	plugins sync.Map // version → what built it, at most once
)

// build returns the plugin's content, so that no file outlives the test process however that ends.
func build(t testing.TB, version string) []byte {
	t.Helper()
	once, _ := plugins.LoadOrStore(version, sync.OnceValues(func() ([]byte, error) { return compile(version) }))
	binary, err := once.(func() ([]byte, error))()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

func compile(version string) ([]byte, error) {
	root, err := module()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "ramp-plugin-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, PluginName)
	args, cgo := []string{"build", "-C", root, "-trimpath", "-ldflags", "-X main.version=" + version, "-o", path}, "0"
	if os.Getenv("RAMP_RACE_PLUGIN") == "1" {
		args, cgo = append(args, "-race"), "1"
	}
	cmd := exec.Command("go", append(args, "./cmd/"+PluginName)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	if _, err := output(cmd); err != nil {
		return nil, err
	}
	if err := watch(root); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// watch looks at the plugin's sources, because the go command sees only what the test process itself looks at: without
// it, go test would answer from its cache when they have changed.
func watch(root string) error {
	const sources = `{{with .Module}}{{if .Main}}{{range $.GoFiles}}{{$.Dir}}/{{.}}{{"\n"}}{{end}}{{end}}{{end}}`
	files, err := output(exec.Command("go", "list", "-C", root, "-deps", "-f", sources, "./cmd/"+PluginName))
	if err != nil {
		return err
	}
	for _, name := range append(strings.Fields(files), filepath.Join(root, "go.mod")) {
		if _, err := os.Stat(name); err != nil {
			return err
		}
	}
	return nil
}

// install writes an executable. No process may be forked meanwhile: it would inherit the open file and, for
// a moment, keep the kernel from running it ("text file busy").
func install(t testing.TB, path string, binary []byte) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, binary, 0o700); err != nil {
		t.Fatal(err)
	}
}

// output runs cmd and returns what it printed, trimmed; a failure carries what it said on stderr.
func output(cmd *exec.Cmd) (string, error) {
	var diag bytes.Buffer
	cmd.Stderr = &diag
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, diag.Bytes())
	}
	return strings.TrimSpace(string(out)), nil
}
