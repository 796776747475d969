package metrics

import "sync"

// labels bounds the values of a label: the first max keep their own, all
// others share one.
type labels struct {
	max  int
	mu   sync.RWMutex
	seen map[string]bool
}

func (l *labels) label(value string) string {
	l.mu.RLock()
	known := l.seen[value]
	l.mu.RUnlock()
	if known {
		return value
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen == nil {
		l.seen = make(map[string]bool)
	}
	if value == "" || value == Others || !l.seen[value] && len(l.seen) >= l.max {
		return Others
	}
	l.seen[value] = true
	return value
}

// forget reports whether the value had a label of its own.
func (l *labels) forget(value string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.seen[value]
	delete(l.seen, value)
	return known
}
