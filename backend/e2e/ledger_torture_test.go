package e2e_test

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// Clients mint, renew and revoke while the plugin or Vault is killed at random instants. Then every credential that
// any of them was ever given is in the ledger once, and so is its revocation, and the ledger only ever grew.
// RAMP_LONG=1 makes it 200 rounds.
func TestLedgerSurvivesKills(t *testing.T) {
	t.Parallel()
	rounds := 8
	if os.Getenv("RAMP_LONG") != "" {
		rounds = 200
	}
	r := newRig(t, vaulttest.WithRaft())
	r.service(t, "payments", fields{"max_ttl": "6h"})
	r.contract(t, "orders-to-payments", fields{"ttl": "1h"})
	w := &witness{key: r.pinned(t)}
	callers := r.callers(6)

	var minted []creds
	for round := 0; round < rounds; {
		revoke := func(_ int, lease string) error { return revokeNow(r.Client, lease) }
		if round%2 == 1 {
			revoke = nil // nothing then makes the ledger write at once, and a kill loses more
		}
		h := graze(t, len(callers), func(i int) (creds, error) {
			c, err := r.tryMint(callers[i], "orders-to-payments", nil)
			if err == nil && rand.N(4) == 0 {
				_, _ = callers[i].Sys().Renew(c.Lease, 0)
			}
			return c, err
		}, revoke)
		for range 5 {
			h.grow(t, 10)
			time.Sleep(rand.N(1200 * time.Millisecond)) // the instant is the point: any may be the wrong one
			if round%4 == 3 {
				r.Kill()
				r.Restart()
			} else {
				r.KillPlugin()
			}
			w.look(t, r)
			if round++; round == rounds {
				break
			}
		}
		h.grow(t, 10)
		h.rest()
		minted = append(minted, h.minted()...)
	}
	wantDistinct(t, minted)
	forEach(t, minted, "revoke", func(c creds) error { return revokeNow(r.Client, c.Lease) })
	r.KillPlugin() // so that what is read was stored
	w.look(t, r)
	if w.wantAccounted(t, r, minted) == 0 {
		t.Error("no kill ever lost an entry: the test idles")
	}
}

// The same across failovers of a cluster.
func TestLedgerSurvivesFailover(t *testing.T) {
	t.Parallel()
	failovers := 1
	if os.Getenv("RAMP_LONG") != "" {
		failovers = 10
	}
	c := vaulttest.StartCluster(t, 3, vaulttest.WithMount("ramp"))
	r := rigOn(c.Leader())
	r.service(t, "payments", fields{"max_ttl": "6h"})
	r.contract(t, "orders-to-payments", fields{"ttl": "1h"})
	w := &witness{key: r.pinned(t)}

	var minted []creds
	for range failovers {
		leader := c.Leader()
		clients := newRoundRobin(c, r)
		h := graze(t, 6, clients.mint, nil)
		h.grow(t, 100)
		w.look(t, r.through(leader))
		h.grow(t, 20)
		c.Kill(leader)
		now := r.through(c.Leader())
		h.grow(t, 50)
		h.rest()
		w.look(t, now)
		minted = append(minted, h.minted()...)
		leader.Restart()
	}
	now := r.through(c.Leader())
	forEach(t, minted, "revoke", func(c creds) error { return revokeNow(now.Client, c.Lease) })
	w.look(t, now)
	w.wantAccounted(t, now, minted)
	for _, standby := range c.Standbys() {
		w.wantAccounted(t, r.through(standby), minted) // whoever is asked
	}
}
