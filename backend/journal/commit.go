package journal

import (
	"context"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// batch is items on their way into the ledger, as they have to be repeated if
// that fails.
type batch struct {
	entries [][]byte
	found   []Position // lost ones among them
	memo    memo
	ticket  uint64
}

// Flush makes everything durable that waits by now.
func (j *Journal) Flush(ctx context.Context) error {
	j.mu.Lock()
	j.count(j.now())
	ticket := j.tickets
	j.mu.Unlock()
	return j.flush(ctx, ticket)
}

// flush makes everything durable up to a ticket. Those who wait at the same
// time share the writes of the first.
func (j *Journal) flush(ctx context.Context, ticket uint64) error {
	j.committing.Lock()
	defer j.committing.Unlock()
	for {
		j.mu.Lock()
		done := j.done >= ticket
		j.mu.Unlock()
		if done {
			return nil
		}
		if err := j.commit(ctx); err != nil {
			return err
		}
	}
}

// commitTimeout bounds a commit, which does not end with the request that
// happens to make it: others wait for it too.
const commitTimeout = 30 * time.Second

// commit appends a batch. The caller holds j.committing.
func (j *Journal) commit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	log, err := j.opened(ctx)
	if err != nil {
		return err
	}
	if j.batch == nil {
		j.batch = j.take()
	}
	if _, err := log.Append(ctx, j.batch.entries, j.batch.memo.text()); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	n := len(j.batch.entries)
	clear(j.queue[:n])
	for _, p := range j.batch.found {
		delete(j.rescued, p)
		j.lost = j.lost.without(p)
	}
	j.queue, j.done = j.queue[n:], j.batch.ticket
	j.last, j.pruned, j.batch = j.batch.memo.Last, j.batch.memo.Pruned, nil
	return nil
}

// take makes a batch of what has waited longest, and of what will be lost no
// more with it.
func (j *Journal) take() *batch {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lost = j.lost.at(j.now())
	b := &batch{memo: memo{Epoch: j.epoch, Last: j.last, Lost: j.lost, Pruned: j.pruned}, ticket: j.done}
	for _, i := range j.queue[:min(len(j.queue), ledger.MaxBatch)] {
		b.entries = append(b.entries, encode(i.entry))
		b.ticket = i.ticket
		if i.late {
			b.found = append(b.found, i.at)
			b.memo.Lost = b.memo.Lost.without(i.at)
		}
		if i.at.Epoch == j.epoch {
			// Numbers below it are durable, lost, or before it in the queue.
			b.memo.Last = max(b.memo.Last, i.at.Number)
		}
		if i.entry.Type == ledger.Prune {
			b.memo.Pruned = i.entry.Before
		}
	}
	return b
}

// maxEntry is the longest entry in bytes. A bundle of such has to fit in one
// value of Vault's storage: Consul takes 512 KiB, raft 1 MiB. What does not fit
// would never be written, and nothing after it.
const maxEntry = 2000

// encode never fails: of an entry that is too long what identifies it is kept.
func encode(e ledger.Entry) []byte {
	text, err := e.Marshal()
	if err != nil || len(text) > maxEntry {
		text, _ = ledger.Entry{
			Time: e.Time, Type: e.Type, Action: e.Action, ContractID: e.ContractID, JTI: e.JTI, Serial: e.Serial, Expires: e.Expires,
			RequestID: e.RequestID, Position: e.Position, Recovered: e.Recovered, Before: e.Before, Reason: "the entry was too long",
		}.Marshal()
	}
	return text
}
