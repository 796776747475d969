package e2e_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// agent is a real Vault Agent on one of the configurations of bootstrap/agent. What those have under /etc/ramp and
// /run/ramp is under etc and run here; nothing else is changed, and VAULT_ADDR says where Vault is.
type agent struct {
	*exec.Cmd
	etc, run string
	log      bytes.Buffer // while the agent runs it is the agent's alone
}

func newAgent(t *testing.T, config string) *agent {
	t.Helper()
	dir := t.TempDir()
	a := &agent{etc: filepath.Join(dir, "etc"), run: filepath.Join(dir, "run")}
	for _, d := range []string{a.etc, a.run} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{config, "token.ctmpl"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "bootstrap", "agent", name))
		if err != nil {
			t.Fatal(err)
		}
		a.provide(t, name, strings.NewReplacer("/etc/ramp/", a.etc+"/", "/run/ramp/", a.run+"/").Replace(string(text)))
	}
	return a
}

// provide writes a file that the agent reads.
func (a *agent) provide(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(a.etc, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// start runs the agent until the test ends.
func (a *agent) start(t *testing.T, s *vaulttest.Server, config string) {
	t.Helper()
	a.Cmd = s.Command("", "agent", "-log-level=debug", "-config="+filepath.Join(a.etc, config))
	a.Stdout, a.Stderr = &a.log, &a.log
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = a.Process.Kill()
		_ = a.Wait()
		if t.Failed() {
			t.Logf("what the agent said:\n%s", a.log.String())
		}
	})
}

// token is what the workload reads now. Until there is a first token it has no ID.
func (a *agent) token(t *testing.T) creds {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(a.run, "token"))
	if os.IsNotExist(err) {
		return creds{}
	}
	c := creds{Token: string(raw)}
	if err == nil {
		err = decodePart(c.Token, 1, &c.Claims)
	}
	if err != nil || strings.ContainsAny(c.Token, " \r\n") {
		t.Fatalf("the agent's file holds %q: %v", raw, err)
	}
	return c
}

// after waits for the token that replaces another. Until then the file must always hold a token that has not expired.
func (a *agent) after(t *testing.T, old creds) creds {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		now, c := time.Now().Unix(), a.token(t)
		switch {
		case c.ID != old.ID:
			return c
		case old.ID != "" && now >= old.Expiry:
			t.Fatalf("the agent let %s expire", old.ID)
		}
	}
	t.Fatalf("after %s the agent still has %s", patience, old.ID)
	return creds{}
}

// wantPrivate fails the test unless nobody but the workload's user can read what the agent wrote.
func (a *agent) wantPrivate(t *testing.T) {
	t.Helper()
	for name, want := range map[string]fs.FileMode{"token": 0o400, "vault-token": 0o600} {
		info, err := os.Stat(filepath.Join(a.run, name))
		if err != nil {
			t.Error(err)
		} else if info.Mode() != want {
			t.Errorf("%s has mode %s, want %s", name, info.Mode(), want)
		}
	}
}

// leases are the leases of the contract's credentials.
func (r *rig) leases(t *testing.T, contract string) []string {
	t.Helper()
	prefix := "ramp/creds/" + contract + "/"
	listed, err := r.Client.Logical().List("sys/leases/lookup/" + prefix)
	if err != nil {
		t.Fatal(err)
	}
	var leases []string
	if listed != nil {
		for _, key := range listed.Data["keys"].([]any) {
			leases = append(leases, prefix+key.(string))
		}
	}
	return leases
}
