package vaulttest

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/hashicorp/vault/api"
)

// PluginName is Ramp's name in the plugin catalog, and so the type of its mounts.
const PluginName = "vault-plugin-secrets-ramp"

// DefaultVersion is the version of Ramp that Start registers.
const DefaultVersion = "v0.1.0"

// Register builds this working tree as the given version of Ramp and adds it to the plugin catalog, beside other versions.
func (s *Server) Register(version string) {
	s.t.Helper()
	s.register(PluginName, version, build(s.t, version))
}

// RegisterBinary adds any secrets engine's binary to the plugin catalog. An empty version means none.
func (s *Server) RegisterBinary(name, version, path string) {
	s.t.Helper()
	binary, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	s.register(name, version, binary)
}

func (s *Server) register(name, version string, binary []byte) {
	s.t.Helper()
	command := name
	if version != "" {
		command += "-" + version
	}
	install(s.t, filepath.Join(s.plugins, command), binary)
	sum := sha256.Sum256(binary)
	_, err := s.Client.Sys().RegisterPluginDetailed(&api.RegisterPluginInput{
		Name:    name,
		Type:    api.PluginTypeSecrets,
		Command: command,
		SHA256:  hex.EncodeToString(sum[:]),
		Version: version,
	})
	if err != nil {
		s.t.Fatalf("register %s: %v", command, err)
	}
}

// Mount mounts Ramp at path, in the newest version registered.
func (s *Server) Mount(path string) {
	s.t.Helper()
	if err := s.Client.Sys().Mount(path, &api.MountInput{Type: PluginName}); err != nil {
		s.t.Fatalf("mount %s at %s: %v", PluginName, path, err)
	}
}

// MountConfigured mounts Ramp at path and makes the mount's own address its issuer.
func (s *Server) MountConfigured(path string) {
	s.t.Helper()
	s.Mount(path)
	s.Write(path+"/config", map[string]any{"issuer": s.Addr + "/v1/" + path})
}

// PluginProcesses returns the ids of this server's plugin processes. Mounts of one version share one.
func (s *Server) PluginProcesses() []int {
	s.t.Helper()
	return children(s.t, s.process.pid())
}

// KillPlugin ends this server's plugin processes with SIGKILL and returns when they are gone. Vault starts them
// again when a request needs them.
func (s *Server) KillPlugin() {
	s.t.Helper()
	pids := s.PluginProcesses()
	if len(pids) == 0 {
		s.t.Fatal("no plugin process to kill")
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			s.t.Fatalf("kill plugin: %v", err)
		}
	}
	// A process exists until Vault has reaped it, and only then does Vault know that it has to start another.
	exists := func(pid int) bool { return syscall.Kill(pid, 0) == nil }
	s.await("dead plugins", func() bool { return !slices.ContainsFunc(pids, exists) })
}
