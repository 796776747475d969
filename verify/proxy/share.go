package proxy

import "sync"

// share counts open requests by caller, so that one caller cannot take the
// places of all the others.
type share struct {
	mu   sync.Mutex
	open map[string]int
}

// enter reports whether the caller may have one more.
func (s *share) enter(caller string, most int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[caller] >= most {
		return false
	}
	if s.open == nil {
		s.open = make(map[string]int)
	}
	s.open[caller]++
	return true
}

func (s *share) leave(caller string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[caller]--; s.open[caller] == 0 {
		delete(s.open, caller)
	}
}
