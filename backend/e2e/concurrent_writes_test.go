package e2e_test

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"

	"github.com/hashicorp/vault/api"
)

// Of several people who edit the same revision of a contract one wins, and the others are told.
func TestExpectedRevision(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	terms := fields{"service": "payments", "scopes": "invoices:read", "bound_entity_ids": r.orders.EntityID}

	r.oneWins(t, terms, "none") // when the contract does not exist yet …
	first := r.read(t, "roles/orders-to-payments")["revision"].(string)
	r.oneWins(t, fields{}, first) // … and when it does

	last := r.read(t, "roles/orders-to-payments")["revision"].(string)
	if last == first {
		t.Error("the winner's edit changed nothing")
	}
	wantRefused(t, write(r.Client, "roles/orders-to-payments", fields{"expected_revision": first}), 409, last, first)
	wantRefused(t, write(r.Client, "roles/orders-to-payments", fields{"expected_revision": "none"}), 409, "exists already")
	wantRefused(t, write(r.Client, "roles/new", fields{"expected_revision": first}), 409, "does not exist")
	wantDone(t, write(r.Client, "roles/orders-to-payments", fields{"expected_revision": last, "ttl": "1m"}))
}

// oneWins lets ten people write different terms at once, each of whom expects revision. What they write is also different
// from what is there: a write that changes nothing would let another win as well.
func (r *rig) oneWins(t *testing.T, terms fields, revision string) {
	t.Helper()
	var writers sync.WaitGroup
	outcomes := make([]error, 10)
	for i := range outcomes {
		mine := maps.Clone(terms)
		mine["expected_revision"], mine["metadata"] = revision, fields{"writer": fmt.Sprint(i), "saw": revision}
		writers.Go(func() { outcomes[i] = write(r.Client, "roles/orders-to-payments", mine) })
	}
	writers.Wait()

	winner := -1
	for i, err := range outcomes {
		answer := (*api.ResponseError)(nil)
		switch {
		case err == nil && winner < 0:
			winner = i
		case err == nil:
			t.Errorf("writers %d and %d both won", winner, i)
		case !errors.As(err, &answer) || answer.StatusCode != 409:
			t.Errorf("writer %d: %v", i, err)
		}
	}
	if winner < 0 {
		t.Fatal("nobody won")
	}
	stored := r.read(t, "roles/orders-to-payments")["metadata"].(map[string]any)["writer"]
	if stored != fmt.Sprint(winner) {
		t.Errorf("writer %d won, what is stored is of %v", winner, stored)
	}
}
