package vaulttest

import (
	"fmt"

	"github.com/hashicorp/vault/api"
)

// configureRaft makes elections and promotions as quick as Vault allows.
func (s *Server) configureRaft() {
	s.t.Helper()
	config := s.writeConfig(fmt.Sprintf(`
storage "raft" {
  path    = %q
  node_id = %q
  performance_multiplier       = 1
  autopilot_update_interval    = "500ms"
  autopilot_reconcile_interval = "1s"
}
listener "tcp" {
  address         = %q
  cluster_address = %q
  tls_disable     = true
}
api_addr         = %q
cluster_addr     = "https://%s"
plugin_directory = %q
disable_mlock    = true
raw_storage_endpoint = true # a test may tamper with what is stored
`, s.Dir, s.cluster, s.Addr[len("http://"):], s.cluster, s.Addr, s.cluster, s.plugins))
	s.args = []string{"server", "-config=" + config, "-log-level=debug"}
}

// initialize makes a new raft server's keys, keeps them, and unseals it.
func (s *Server) initialize() {
	s.t.Helper()
	keys, err := s.Client.Sys().Init(&api.InitRequest{SecretShares: 1, SecretThreshold: 1})
	if err != nil {
		s.t.Fatalf("initialize Vault: %v", err)
	}
	s.adopt(keys.RootToken, keys.KeysB64[0])
	s.Unseal()
}

// join makes a new raft server a member of leader's cluster.
func (s *Server) join(leader *Server) {
	s.t.Helper()
	answer, err := s.Client.Sys().RaftJoin(&api.RaftJoinRequest{LeaderAPIAddr: leader.Addr})
	if err != nil || !answer.Joined {
		s.t.Fatalf("join %s: %v", leader.Addr, err)
	}
	s.adopt(leader.RootToken, leader.unsealKey)
	s.Unseal()
}

func (s *Server) adopt(rootToken, unsealKey string) {
	s.RootToken, s.unsealKey = rootToken, unsealKey
	s.Client.SetToken(rootToken)
}

// Unseal unseals a raft server and waits until it serves, itself or through its cluster's leader.
func (s *Server) Unseal() {
	s.t.Helper()
	if s.unsealKey == "" {
		s.t.Fatal("no key to unseal an in-memory server with: use WithRaft")
	}
	if _, err := s.Client.Sys().Unseal(s.unsealKey); err != nil {
		s.t.Fatalf("unseal: %v", err)
	}
	s.await("a server that knows its root token", func() bool {
		_, err := s.Client.Auth().Token().LookupSelf()
		return err == nil
	})
}
