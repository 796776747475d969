package vaulttest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// patience is how long a step may take on a busy machine before the test is given up.
const patience = 90 * time.Second

// launch starts the Vault process and waits until it answers, in whatever state it is.
func (s *Server) launch() {
	s.t.Helper()
	log, err := os.OpenFile(s.LogPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(s.Bin, s.args...)
	cmd.Env = s.environ()
	cmd.Stdout, cmd.Stderr = log, log
	p, err := start(cmd)
	if err != nil {
		s.t.Fatalf("start Vault: %v", err)
	}
	if s.process == nil {
		s.t.Cleanup(s.end)
	}
	s.process = p
	s.await("an answer", func() bool {
		_, err := s.Client.Sys().Health()
		return err == nil
	})
}

// Kill ends Vault and its plugin processes with SIGKILL.
func (s *Server) Kill() { s.process.kill() }

// Seal seals Vault, which stops its plugins. A raft server can be unsealed again.
func (s *Server) Seal() {
	s.t.Helper()
	if err := s.Client.Sys().Seal(); err != nil {
		s.t.Fatalf("seal: %v", err)
	}
}

// Restart starts a raft server again on its data, unseals it and waits until it serves. A server that still runs is asked to stop first.
func (s *Server) Restart() {
	s.t.Helper()
	if s.unsealKey == "" {
		s.t.Fatal("Restart of an in-memory server: use WithRaft")
	}
	s.process.signal(syscall.SIGTERM)
	select {
	case <-s.process.done:
	case <-time.After(patience):
		s.t.Fatalf("Vault did not stop within %s", patience)
	}
	s.launch()
	s.Unseal()
}

func (s *Server) active() bool {
	h, err := s.Client.Sys().Health()
	return err == nil && h.Initialized && !h.Sealed && !h.Standby
}

func (s *Server) running() bool {
	select {
	case <-s.process.done:
		return false
	default:
		return true
	}
}

// await polls until done reports true. It ends the test when Vault exits or patience runs out.
func (s *Server) await(what string, done func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(20 * time.Millisecond) {
		if !s.running() {
			s.t.Fatalf("Vault exited while the test waited for %s", what)
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("waited %s for %s", patience, what)
		}
	}
}

// end is the server's cleanup.
func (s *Server) end() {
	s.process.kill()
	races, _ := filepath.Glob(filepath.Join(s.Dir, "race.*"))
	for _, path := range races {
		report, _ := os.ReadFile(path)
		s.t.Errorf("data race in the plugin:\n%s", report)
	}
	if s.t.Failed() {
		s.t.Logf("the end of %s's log:\n%s", s.Addr, tail(s.LogPath, 80))
	}
}

// tail returns the last n lines of a file, or why it cannot be read.
func tail(path string, n int) []byte {
	text, err := os.ReadFile(path)
	if err != nil {
		return []byte(err.Error())
	}
	start := len(text)
	for ; n > 0 && start > 0; n-- {
		start = bytes.LastIndexByte(text[:start-1], '\n') + 1
	}
	return text[start:]
}
