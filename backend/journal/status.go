package journal

import "time"

// Status is how far the ledger is behind.
type Status struct {
	Size    int64         // entries in the ledger
	Waiting int           // entries that are not durable yet
	Lag     time.Duration // since the oldest of them happened
	Skipped uint64        // entries that found no room since the journal was opened; leases bring back those of credentials
	Damage  error         // why nothing can be appended
}

// Status never waits for storage.
func (j *Journal) Status() Status {
	var s Status
	if o := j.log.Load(); o != nil {
		at, _ := o.Checkpoint()
		s.Size, s.Damage = at.Size, o.damage
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	s.Waiting, s.Skipped = len(j.queue), j.skipped
	if s.Waiting > 0 {
		s.Lag = j.now().Sub(j.queue[0].since)
	}
	return s
}
