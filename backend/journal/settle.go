package journal

import (
	"context"
	"errors"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// Settle sees to it that the ledger has, or will have, the entry that was added
// at a position. If it was lost, the entry that rebuild returns is appended,
// marked as recovered. With final, the entry is durable before Settle returns:
// whoever carries the position will not come again.
func (j *Journal) Settle(ctx context.Context, p Position, final bool, rebuild func() ledger.Entry) error {
	if p == (Position{}) {
		return nil
	}
	err := j.settle(ctx, p, final, rebuild)
	switch {
	case errors.Is(err, ErrOff):
		return nil
	case errors.Is(err, errFull) && !final:
		return nil // the lease comes again
	case errors.Is(err, errFull):
		if err := j.Flush(ctx); err != nil { // which makes room
			return err
		}
		return j.settle(ctx, p, final, rebuild)
	}
	return err
}

func (j *Journal) settle(ctx context.Context, p Position, final bool, rebuild func() ledger.Entry) error {
	if _, err := j.Log(ctx); err != nil {
		return err
	}
	j.mu.Lock()
	if j.lost.has(p) && !j.rescued[p] {
		e := rebuild()
		e.Recovered, e.Position = true, p.String()
		if err := j.push(item{entry: e, at: p, late: true}); err != nil {
			j.mu.Unlock()
			return err
		}
		j.rescued[p] = true
	}
	waits := j.rescued[p] || p.Epoch == j.epoch && p.Number > j.last && !j.lost.has(p)
	ticket := j.tickets
	j.mu.Unlock()
	if !final || !waits {
		return nil
	}
	return j.flush(ctx, ticket)
}

// recent remembers the credentials revoked lately, so that a revocation which
// was recorded, interrupted and repeated is in the ledger once.
type recent struct {
	known map[string]bool
	order []string // oldest first
}

const (
	maxRecent = 16_384 // revocations remembered
	reread    = 1024   // entries read again after a restart
)

// add reports whether the credential was not known yet.
func (r *recent) add(jti string) bool {
	if jti == "" {
		return true
	}
	if r.known[jti] {
		return false
	}
	if r.known == nil {
		r.known = make(map[string]bool)
	}
	r.known[jti] = true
	r.order = append(r.order, jti)
	if len(r.order) > maxRecent {
		delete(r.known, r.order[0])
		r.order = r.order[1:]
	}
	return true
}

func (r *recent) remove(jti string) { delete(r.known, jti) }

// lately reads the revocations among the last entries of a ledger.
func lately(ctx context.Context, log *ledger.Log) (revoked []ledger.Entry, err error) {
	at, _ := log.Checkpoint()
	err = ledger.Entries(ctx, log, max(0, at.Size-reread), at.Size, func(_ int64, text []byte) (bool, error) {
		if e, err := ledger.ParseEntry(text); err == nil && e.Type == ledger.Revoke {
			revoked = append(revoked, *e)
		}
		return true, nil
	})
	return revoked, err
}
