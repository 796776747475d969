//go:build !linux

package vaulttest

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// attributes has nothing to ask for: only Linux can tie the life of a child to its parent's.
func attributes() *syscall.SysProcAttr { return new(syscall.SysProcAttr) }

// children returns the ids of the processes whose parent is pid, without those that only wait to be reaped.
func children(t testing.TB, pid int) []int {
	t.Helper()
	list, err := output(exec.Command("ps", "-axo", "pid=,ppid=,state="))
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for line := range strings.Lines(list) {
		var (
			child, parent int
			state         string
		)
		if _, err := fmt.Sscan(line, &child, &parent, &state); err != nil {
			t.Fatalf("ps: %q: %v", line, err)
		}
		if parent == pid && !strings.HasPrefix(state, "Z") {
			pids = append(pids, child)
		}
	}
	return pids
}
