package backend

import (
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
)

// system is Vault as the engine sees it. The SDK asks before every request
// whether the node may write, and each question crosses the plugin boundary,
// for more than the price of a signature. So the answers are remembered: where
// the mount is never changes, and the replication state for a second.
type system struct {
	logical.SystemView
	now   func() time.Time
	local func() bool

	mu    sync.Mutex
	state consts.ReplicationState
	until time.Time
}

// LocalMount implements logical.SystemView.
func (s *system) LocalMount() bool { return s.local() }

// ReplicationState implements logical.SystemView.
func (s *system) ReplicationState() consts.ReplicationState {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now(); !now.Before(s.until) {
		s.state, s.until = s.SystemView.ReplicationState(), now.Add(time.Second)
	}
	return s.state
}
