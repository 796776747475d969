package vaulttest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// attributes asks the kernel to stop a child when the test process dies without cleaning up. SIGTERM and not SIGKILL,
// because a Vault that is asked to stop takes its plugins along.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}

// children returns the ids of the processes whose parent is pid, without those that only wait to be reaped.
func children(t testing.TB, pid int) []int {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, path := range paths {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has gone since
		}
		// proc(5): pid (comm) state ppid …, and comm may hold anything.
		var (
			child, parent int
			state         rune
		)
		if _, err := fmt.Sscanf(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " %c %d", &state, &parent); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if _, err := fmt.Sscanf(path, "/proc/%d/stat", &child); err != nil {
			t.Fatal(err)
		}
		if parent == pid && state != 'Z' {
			pids = append(pids, child)
		}
	}
	return pids
}
