package vaulttest

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// process is a running Vault. It leads a process group of its own, which the plugins it starts belong to.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when Vault has exited and its plugins have been sent SIGKILL
}

func start(cmd *exec.Cmd) (*process, error) {
	cmd.SysProcAttr = attributes()
	cmd.SysProcAttr.Setpgid = true
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // how a server ended is in its log
		_ = syscall.Kill(-p.pid(), syscall.SIGKILL)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// signal does nothing to a process that has exited.
func (p *process) signal(sig os.Signal) { _ = p.cmd.Process.Signal(sig) }

func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// tempDir is t.TempDir with a name short enough for the sockets of plugins, and without symlinks, which
// Vault refuses in a plugin directory.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "vault-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}
