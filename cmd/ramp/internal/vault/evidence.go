package vault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/egress"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/evidence"
)

const reportCallers = 1000 // in one report, at most

// Reporter reports evidence, contract by contract.
func (s *Session) Reporter() evidence.Reporter { return reporter{s} }

type reporter struct{ session *Session }

type callerCount struct {
	Caller   string           `json:"caller"`
	Accepted int64            `json:"accepted"`
	Refused  int64            `json:"refused"`
	Scopes   map[string]int64 `json:"scopes,omitempty"`
}

// Report implements [evidence.Reporter]. What Vault will never take, of a
// contract that was deleted, say, is given up, so that the rest gets through.
func (r reporter) Report(ctx context.Context, id string, counts []evidence.Count) error {
	byContract := map[string][]callerCount{}
	for _, c := range counts {
		byContract[c.Contract] = append(byContract[c.Contract], callerCount{c.Caller, c.Accepted, c.Refused, c.Scopes})
	}
	var failed error
	for _, contract := range slices.Sorted(maps.Keys(byContract)) {
		n := 0
		for part := range slices.Chunk(byContract[contract], reportCallers) {
			err := r.report(ctx, contract, fmt.Sprintf("%s-%d", id, n), part)
			if errors.As(err, new(*egress.Denied)) {
				r.session.config.OnError(fmt.Errorf("evidence is lost: %w", err))
			} else {
				failed = errors.Join(failed, err)
			}
			n++
		}
	}
	return failed
}

func (r reporter) report(ctx context.Context, contract, id string, counts []callerCount) error {
	path := r.session.config.Mount + "/evidence/" + contract
	err := r.session.call(ctx, func(l *login) error {
		_, err := l.client.Logical().WriteWithContext(ctx, path, map[string]any{"report": id, "counts": counts})
		return err
	})
	if err != nil {
		return final(fmt.Errorf("report to %s: %w", path, err))
	}
	return nil
}
