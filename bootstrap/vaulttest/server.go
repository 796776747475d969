// Package vaulttest runs real Vault servers for tests: in memory, on raft, or as a raft cluster, with
// Ramp built from this working tree and registered in the plugin catalog.
//
// Everything a server needs lives in one directory and one process group; both are gone when the test
// ends, also the plugin processes that a killed Vault leaves behind. When the test has failed, the end
// of the server's log is part of its output. Methods that cannot do their work end the test, so they
// must be called from the test's own goroutine; Client may be used from any.
package vaulttest

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/vault/api"
)

// Server is one Vault process, which Restart may replace by another on the same address and data.
type Server struct {
	Addr      string      // http://127.0.0.1:<port>
	RootToken string      // empty until a raft server is initialized
	Client    *api.Client // carries RootToken and never retries
	Bin       string      // the Vault binary
	Dir       string      // configuration, plugins, storage and logs; also HOME and TMPDIR of every process
	LogPath   string
	AuditPath string // what a file audit device writes to, if the server was started WithAudit

	t         testing.TB
	plugins   string // plugin_directory; nodes of a cluster share it
	cluster   string // host:port of the cluster listener
	args      []string
	process   *process
	unsealKey string // empty for an in-memory server
}

// Start runs one unsealed, active Vault with Ramp in its plugin catalog, until the test ends.
// Unless the options say otherwise it is a development server in memory, and Ramp is not mounted.
func Start(t testing.TB, opts ...Option) *Server {
	t.Helper()
	o := gather(opts)
	s := newServer(t, "")
	if o.raft {
		s.configureRaft()
		s.launch()
		s.initialize()
	} else {
		s.configureDev()
		s.launch()
		s.await("an active server", s.active)
	}
	s.equip(o)
	return s
}

// newServer prepares addresses, directories and a client; plugins is the plugin directory, or empty for one of its own.
func newServer(t testing.TB, plugins string) *Server {
	t.Helper()
	bin := Binary(t)
	ports := claimPorts(t, 2)
	dir := tempDir(t)
	if plugins == "" {
		plugins = filepath.Join(dir, "plugins")
	}
	if err := os.MkdirAll(plugins, 0o700); err != nil {
		t.Fatal(err)
	}
	s := &Server{
		Addr:      fmt.Sprintf("http://127.0.0.1:%d", ports[0]),
		Bin:       bin,
		Dir:       dir,
		LogPath:   filepath.Join(dir, "vault.log"),
		AuditPath: filepath.Join(dir, "audit.log"),
		t:         t,
		plugins:   plugins,
		cluster:   fmt.Sprintf("127.0.0.1:%d", ports[1]),
	}
	s.Client = s.As("")
	return s
}

func (s *Server) configureDev() {
	s.t.Helper()
	s.RootToken = rand.Text()
	s.Client.SetToken(s.RootToken)
	config := s.writeConfig(fmt.Sprintf("plugin_directory = %q\napi_addr = %q\n", s.plugins, s.Addr))
	s.args = []string{
		"server", "-dev", "-dev-no-store-token", "-dev-root-token-id=" + s.RootToken,
		"-dev-listen-address=" + s.Addr[len("http://"):], "-config=" + config, "-log-level=debug",
	}
}

func (s *Server) writeConfig(hcl string) string {
	s.t.Helper()
	path := filepath.Join(s.Dir, "vault.hcl")
	if err := os.WriteFile(path, []byte(hcl), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}
