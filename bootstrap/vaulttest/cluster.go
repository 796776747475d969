package vaulttest

import (
	"slices"
	"testing"
	"time"
)

// Cluster is a raft cluster on loopback. Killed nodes stay in Nodes and may be restarted.
type Cluster struct {
	Nodes []*Server

	t testing.TB
}

// StartCluster runs n raft nodes, all of them unsealed and voting. Options act on the cluster as a whole.
func StartCluster(t testing.TB, n int, opts ...Option) *Cluster {
	t.Helper()
	first := newServer(t, "")
	first.configureRaft()
	first.launch()
	first.initialize()
	// A new node votes after one second of health instead of ten.
	first.Write("sys/storage/raft/autopilot/configuration", map[string]any{"server_stabilization_time": "1s"})

	c := &Cluster{Nodes: []*Server{first}, t: t}
	for range n - 1 {
		s := newServer(t, first.plugins)
		s.AuditPath = first.AuditPath // the audit device's path is one for all nodes
		s.configureRaft()
		s.launch()
		s.join(first)
		c.Nodes = append(c.Nodes, s)
	}
	first.await("every node to vote", func() bool { return voters(first) == n })
	first.equip(gather(opts))
	return c
}

func voters(s *Server) int {
	state, err := s.Client.Sys().RaftAutopilotState()
	if err != nil || state == nil {
		return 0
	}
	return len(state.Voters)
}

// Leader waits until a running node is active and returns it.
func (c *Cluster) Leader() *Server {
	c.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		i := slices.IndexFunc(c.Nodes, func(s *Server) bool { return s.running() && s.active() })
		if i >= 0 {
			return c.Nodes[i]
		}
	}
	c.t.Fatalf("no node became active within %s", patience)
	return nil
}

// Standbys returns the running nodes that are not the leader.
func (c *Cluster) Standbys() []*Server {
	c.t.Helper()
	leader := c.Leader()
	return slices.DeleteFunc(slices.Clone(c.Nodes), func(s *Server) bool { return s == leader || !s.running() })
}

// Kill ends a node and its plugin processes with SIGKILL. The others elect a new leader if it was theirs.
func (c *Cluster) Kill(s *Server) { s.Kill() }
