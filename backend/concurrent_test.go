package backend

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
)

// Of many who edit what they read, one wins and the others are told.
func TestConcurrentEdits(t *testing.T) {
	s := newStorm(t)
	for round := range 10 {
		revision := s.read("roles/" + role)["revision"]
		var won, lost atomic.Int64
		var wg sync.WaitGroup
		for n := range 8 {
			wg.Go(func() {
				_, err := s.ask(logical.UpdateOperation, "roles/"+role, "", map[string]any{"expected_revision": revision, "metadata": map[string]any{"n": fmt.Sprint(round, n)}})
				switch status(err) {
				case 0:
					won.Add(1)
				case 409:
					lost.Add(1)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || lost.Load() != 7 {
			t.Fatalf("%d won, %d were told", won.Load(), lost.Load())
		}
	}
}

// The mount's minute comes while somebody writes the config.
func TestTickDoesNotUndoAWrite(t *testing.T) {
	s := newStorm(t)
	s.until(s.tick)
	for n := range 300 {
		s.write("config", map[string]any{"not_before_leeway": n % 600})
		if got := number(s.read("config")["not_before_leeway"]); got != float64(n%600) {
			t.Fatalf("wrote %d, and read %v", n%600, got)
		}
	}
	close(s.over)
	s.wg.Wait()
}
