package vaulttest_test

import (
	"os"
	"strings"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

func TestInMemory(t *testing.T) {
	t.Parallel()
	s := vaulttest.Start(t, vaulttest.WithoutPlugin(), vaulttest.WithAudit())
	reader := s.Policy("reader", `path "secret/data/motto" { capabilities = ["read"] }`)
	alice, robot := s.User("alice", reader), s.AppRole("robot")

	s.Write("secret/data/motto", map[string]any{"data": map[string]any{"text": "ramp up"}})
	if out, diag, exit := s.CLI(alice.Token, "kv", "get", "-field=text", "secret/motto"); exit != 0 || out != "ramp up" {
		t.Errorf("alice reads %q, exit %d: %s", out, exit, diag)
	}
	if _, diag, exit := s.CLI(robot.Token, "read", "secret/data/motto"); exit != 2 || !strings.Contains(diag, "permission denied") {
		t.Errorf("robot without a policy: exit %d: %s", exit, diag)
	}
	if audit, err := os.ReadFile(s.AuditPath); err != nil || !strings.Contains(string(audit), alice.EntityID) {
		t.Errorf("the audit file does not mention alice's entity: %v", err)
	}
}

func TestOneNameIsOneEntity(t *testing.T) {
	t.Parallel()
	s := vaulttest.Start(t, vaulttest.WithoutPlugin())
	user, role := s.User("orders"), s.AppRole("orders")
	if user.EntityID != role.EntityID || user.Mount == role.Mount {
		t.Errorf("user %+v and role %+v", user, role)
	}
	self, err := role.Client.Auth().Token().LookupSelf()
	if err != nil {
		t.Fatal(err)
	}
	if self.Data["entity_id"] != role.EntityID {
		t.Errorf("token belongs to entity %v, not %s", self.Data["entity_id"], role.EntityID)
	}
}

func TestRaftKeepsData(t *testing.T) {
	t.Parallel()
	s := vaulttest.Start(t, vaulttest.WithRaft(), vaulttest.WithoutPlugin())
	s.Write("sys/mounts/kv", map[string]any{"type": "kv"})
	s.Write("kv/motto", map[string]any{"text": "ramp up"})
	kept := func(after string) {
		t.Helper()
		secret, err := s.Client.Logical().Read("kv/motto")
		if err != nil || secret == nil || secret.Data["text"] != "ramp up" {
			t.Errorf("after %s: %v, %v", after, secret, err)
		}
	}
	s.Restart()
	kept("an orderly restart")
	s.Kill()
	s.Restart()
	kept("a crash")
	s.Seal()
	if _, err := s.Client.Logical().Read("kv/motto"); err == nil {
		t.Error("a sealed server answered")
	}
	s.Unseal()
	kept("unsealing")
}

func TestClusterElectsAnother(t *testing.T) {
	t.Parallel()
	c := vaulttest.StartCluster(t, 3, vaulttest.WithoutPlugin())
	old := c.Leader()
	old.Write("sys/mounts/kv", map[string]any{"type": "kv"})
	c.Standbys()[0].Write("kv/motto", map[string]any{"text": "ramp up"})
	c.Kill(old)
	if next := c.Leader(); next == old {
		t.Error("the leader is the node that was killed")
	}
	if n := len(c.Standbys()); n != 1 {
		t.Errorf("%d standbys, want 1", n)
	}
	old.Restart()
	secret, err := old.Client.Logical().Read("kv/motto")
	if err != nil || secret == nil || secret.Data["text"] != "ramp up" {
		t.Errorf("through the restarted node: %v, %v", secret, err)
	}
}
