package backend

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// Fifty replicas that report each minute lose nothing, a report
// that comes again within the hour counts once, and what is remembered fits
// into an entry of raft storage.
func TestReportsOfManyReplicas(t *testing.T) {
	const replicas = 50
	r, now := &reports{}, time.Unix(1_800_000_000, 0)
	name := func(minute, replica int) string {
		return fmt.Sprintf("%0128d", minute*replicas+replica)
	}
	for minute := range 150 {
		for replica := range replicas {
			next, ok := r.with(name(minute, replica), now)
			if !ok {
				t.Fatalf("minute %d: refused", minute)
			}
			r = next
		}
		if again := max(minute-59, 0); !r.has(name(again, 0)) {
			t.Fatalf("minute %d: a report of minute %d is forgotten", minute, again)
		}
		now = now.Add(time.Minute)
	}
	if stored, err := json.Marshal(r); err != nil || len(stored) >= 1<<20 {
		t.Errorf("%d bytes, %v", len(stored), err)
	}
	for n := range 2 * maxReports {
		next, ok := r.with(fmt.Sprint(strings.Repeat("x", 100), n), now)
		if !ok {
			return
		}
		r = next
	}
	t.Error("reports without end are taken")
}
