package vaulttest

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"

	"github.com/hashicorp/vault/api"
)

// As returns a client of this server that carries token. It never retries, so that a test sees every error.
func (s *Server) As(token string) *api.Client {
	s.t.Helper()
	config := api.DefaultConfig()
	config.Address, config.AgentAddress, config.MaxRetries = s.Addr, "", 0
	client, err := api.NewClient(config)
	if err != nil {
		s.t.Fatal(err)
	}
	client.ClearNamespace()
	client.SetToken(token)
	return client
}

// Write writes data as root and returns the answer, which is nil when Vault answers without a body.
func (s *Server) Write(path string, data map[string]any) *api.Secret {
	s.t.Helper()
	secret, err := s.Client.Logical().Write(path, data)
	if err != nil {
		s.t.Fatal(err)
	}
	return secret
}

// Policy writes an ACL policy and returns its name, to be handed to User or AppRole.
func (s *Server) Policy(name, hcl string) string {
	s.t.Helper()
	if err := s.Client.Sys().PutPolicy(name, hcl); err != nil {
		s.t.Fatalf("policy %s: %v", name, err)
	}
	return name
}

// CLI runs the vault command as token and returns what it printed and its exit status.
func (s *Server) CLI(token string, args ...string) (stdout, stderr string, exit int) {
	s.t.Helper()
	var out, diag bytes.Buffer
	cmd := s.Command(token, args...)
	cmd.Stdout, cmd.Stderr = &out, &diag
	err := cmd.Run()
	if failed := (*exec.ExitError)(nil); err != nil && !errors.As(err, &failed) {
		s.t.Fatalf("run vault %s: %v", strings.Join(args, " "), err)
	}
	return out.String(), diag.String(), cmd.ProcessState.ExitCode()
}

// Command prepares the vault command to run against this server as token: what CLI runs, and how an agent is started.
// Nothing of the developer's own Vault environment or home directory reaches it.
func (s *Server) Command(token string, args ...string) *exec.Cmd {
	cmd := exec.Command(s.Bin, args...)
	cmd.Dir = s.Dir
	cmd.Env = append(s.environ(), "VAULT_ADDR="+s.Addr, "VAULT_TOKEN="+token)
	cmd.SysProcAttr = attributes()
	return cmd
}

// environ is the environment of every process of this server. The plugin inherits it, so the race detector's
// reports of a plugin built with it are found by end.
func (s *Server) environ() []string {
	var env []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "VAULT_") {
			env = append(env, pair)
		}
	}
	return append(env, "HOME="+s.Dir, "TMPDIR="+s.Dir, "GORACE=log_path="+s.Dir+"/race")
}
