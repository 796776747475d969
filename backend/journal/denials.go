package journal

import (
	"context"
	"math"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// Denials are what an outsider can have as many of as he likes. The first of a
// caller and code is an entry; those of the minute after are counted, in one
// more. The callers counted at a time are bounded too.
const (
	tallyWindow = time.Minute
	maxTallies  = 256
)

var endOfTime = time.Unix(math.MaxInt32, 0)

type offence struct{ caller, code string }

type tally struct {
	last  ledger.Entry
	more  uint64
	until time.Time
}

// Deny takes a denial that nobody waits for.
func (j *Journal) Deny(ctx context.Context, e ledger.Entry) error {
	if _, err := j.Log(ctx); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	o := offence{e.Caller, e.Code}
	if j.tallies[o] == nil && len(j.tallies) >= maxTallies {
		o.caller, e.Caller, e.Actor = "", "", "" // one of many
	}
	if t := j.tallies[o]; t != nil {
		if t.more > 0 && e.ContractID != t.last.ContractID {
			e.Contract, e.ContractID, e.Service, e.Revision = "", "", "", "" // of several
		}
		t.more++
		t.last = e
		return nil
	}
	if j.tallies == nil {
		j.tallies = make(map[offence]*tally)
	}
	j.tallies[o] = &tally{until: j.now().Add(tallyWindow)}
	j.number(e)
	return nil
}

// number queues an entry that no lease carries; if there is no room, it is left
// out. The caller holds j.mu.
func (j *Journal) number(e ledger.Entry) {
	if j.push(item{entry: e, at: Position{j.epoch, j.next}}) != nil {
		j.skipped++
		return
	}
	j.next++
}

// count queues what was counted in the windows that are over. The caller holds
// j.mu.
func (j *Journal) count(now time.Time) {
	for o, t := range j.tallies {
		if now.Before(t.until) {
			continue
		}
		delete(j.tallies, o)
		if t.more > 0 {
			t.last.Count = t.more
			j.number(t.last)
		}
	}
}
