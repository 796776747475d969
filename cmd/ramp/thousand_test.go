package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

const (
	manyServices  = 20
	manyContracts = 1000
)

// many declares 1,000 contracts, no two alike.
func many(owner, ttl string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "estate { owner = %q }\n", owner)
	for i := range manyServices {
		fmt.Fprintf(&b, "service \"svc-%d\" {\n  audience = \"https://svc-%d.internal\"\n  scopes = [\"a\", \"b\", \"c\"]\n  owner = \"team-%d\"\n}\n", i, i, i%7)
	}
	for i := range manyContracts {
		fmt.Fprintf(&b, "contract \"caller-%d\" {\n  service = \"svc-%d\"\n  scopes = [%q]\n  bound_entity_names = [\"caller-%d\"]\n  ttl = %q\n", i, i%manyServices, string(rune('a'+i%3)), i, ttl)
		if i%5 == 0 {
			fmt.Fprintf(&b, "  conditions = [{ name = \"n\", expression = \"request.context['n'] != '%d'\" }]\n", i)
		}
		if i%7 == 0 {
			fmt.Fprintf(&b, "  stages = [{ name = \"only\", scopes = [%q], ttl = \"%ds\" }]\n", string(rune('a'+i%3)), 10+i)
		}
		if i%11 == 0 {
			fmt.Fprintf(&b, "  expires_at = \"2099-01-01T00:00:00Z\"\n  off_ramp = { window = \"%dh\", ttl = \"30s\" }\n", 1+i)
		}
		fmt.Fprintf(&b, "  metadata = { number = \"%d\", odd = \"$${x} \\\"quoted\\\"\" }\n}\n", i)
	}
	return b.String()
}

// TestThousand: an apply that is killed in the middle and run again finishes
// the job; what is exported and applied to an empty mount is exported the same;
// two pipelines that apply the same at once do not hurt each other.
func TestThousand(t *testing.T) {
	s := vaulttest.Start(t, vaulttest.WithMount("ramp"))
	s.MountConfigured("second")
	dir := t.TempDir()
	files, first, second := filepath.Join(dir, "files"), filepath.Join(dir, "first"), filepath.Join(dir, "second")
	write(t, files, "x.hcl", many("many", "5m"))

	killed := process(t, s, "apply", "-auto-approve", files)
	stderr, err := killed.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "applying: ") { // the first fifth is done
			t.Log(lines.Text(), "… killed")
			break
		}
	}
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait() // it was killed

	left := must(t, 2, s, "plan", files)
	if strings.Contains(left, fmt.Sprintf("%d to create", manyServices+manyContracts)) || !strings.Contains(left, " to create, 0 to change, 0 to delete") {
		t.Fatalf("nothing was done before the kill, or too much: %s", left[strings.LastIndex(strings.TrimSpace(left), "\n"):])
	}
	must(t, 0, s, "apply", "-auto-approve", files)
	must(t, 0, s, "plan", files)

	must(t, 0, s, "export", "-owner=many", "-dir="+first)
	started := time.Now()
	must(t, 0, s, "apply", "-mount=second", "-auto-approve", first)
	t.Logf("%d contracts and %d services applied to an empty mount in %s", manyContracts, manyServices, time.Since(started).Round(time.Millisecond))
	must(t, 0, s, "plan", "-mount=second", first)
	must(t, 0, s, "export", "-mount=second", "-owner=many", "-dir="+second)
	for _, name := range []string{"services.hcl", "contracts.hcl"} {
		a, errA := os.ReadFile(filepath.Join(first, name))
		b, errB := os.ReadFile(filepath.Join(second, name))
		if errA != nil || errB != nil || string(a) != string(b) || strings.Count(string(a), "\n") < manyServices {
			t.Errorf("%s: %v %v, or the second export is not the first", name, errA, errB)
		}
	}
	must(t, 0, s, "plan", second)

	write(t, files, "x.hcl", many("many", "4m"))
	var pipelines sync.WaitGroup
	for i := range 2 {
		pipelines.Go(func() {
			out, err := process(t, s, "apply", "-auto-approve", files).CombinedOutput()
			if err != nil {
				t.Errorf("pipeline %d: %v\n%s", i, err, out[max(0, len(out)-500):])
			}
		})
	}
	pipelines.Wait()
	must(t, 0, s, "plan", files)
}
