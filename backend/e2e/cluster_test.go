package e2e_test

import (
	"io"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/vault/api"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// Three nodes. Whatever verifiers read, they may read through any of them. When the leader is killed while eight
// clients mint and revoke, another takes over: no serial comes twice, nothing dead comes back, what clients hold is
// honoured, and those who follow the feed go on where they were.
func TestClusterFailover(t *testing.T) {
	t.Parallel()
	c := vaulttest.StartCluster(t, 3, vaulttest.WithMount("ramp"))
	old := c.Leader()
	r := rigOn(old)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	dead, kids := r.condemn(t), r.kids(t)

	for _, node := range c.Standbys() {
		standby := r.through(node)
		alive := standby.mint(t, standby.orders.Client, "orders-to-payments", nil)
		standby.wantAlive(t, alive)
		dead.wantDead(t, standby)
		if now := standby.kids(t); !slices.Equal(now, kids) {
			t.Errorf("through a standby the keys are %v, not %v", now, kids)
		}
		if err := renewable(standby, alive, true); err != nil {
			t.Error(err)
		}
		if err := revokeNow(standby.Client, alive.Lease); err != nil {
			t.Error(err)
		}
		standby.wantDead(t, alive)
		r.wantDead(t, alive)
	}

	f := followFeed(t, c)
	clients := newRoundRobin(c, r)
	h := graze(t, 8, clients.mint, clients.revoke)
	h.grow(t, 200)
	c.Kill(old)
	now := r.through(c.Leader())
	h.grow(t, 200)
	h.rest()
	f.rest(t)
	t.Logf("%d held, %d revoked, %d in doubt, %d failures", len(h.held), len(h.revoked), len(h.doubtful), len(h.failures))

	dead.wantDead(t, now)
	for _, c := range h.held {
		if why := whyDead(&f.known, c); why != "" {
			t.Errorf("%s was not revoked, yet a follower heard that %s", c.ID, why)
		}
	}
	for _, c := range slices.Concat(h.revoked, dead.listed, dead.unlisted) {
		if whyDead(&f.known, c) == "" {
			t.Errorf("%s was revoked, which a follower did not hear", c.ID)
		}
	}
	if now := now.kids(t); !slices.Equal(now, kids) {
		t.Errorf("after the failover the keys are %v, not %v", now, kids)
	}
	h.wantHonoured(t, now)

	old.Restart()
	dead.wantDead(t, r) // through a node that was the leader
}

// through is the same rig, its requests sent to another node.
func (r *rig) through(node *vaulttest.Server) *rig {
	orders := *r.orders
	orders.Client = node.As(orders.Token)
	return &rig{node, &orders}
}

// roundRobin is clients that try the next node when one fails.
type roundRobin struct {
	nodes []*rig
	next  atomic.Int64
}

func newRoundRobin(c *vaulttest.Cluster, r *rig) *roundRobin {
	rr := &roundRobin{}
	for _, node := range c.Nodes {
		rr.nodes = append(rr.nodes, r.through(node))
	}
	return rr
}

func (rr *roundRobin) node() *rig { return rr.nodes[int(rr.next.Add(1))%len(rr.nodes)] }

func (rr *roundRobin) mint(int) (creds, error) {
	node := rr.node()
	return node.tryMint(node.orders.Client, "orders-to-payments", nil)
}

func (rr *roundRobin) revoke(_ int, lease string) error { return revokeNow(rr.node().Client, lease) }

// publicly reads what needs no token, from any goroutine.
func publicly(client *api.Client, path string, query ...string) (string, error) {
	values := map[string][]string{}
	for i := 0; i+1 < len(query); i += 2 {
		values[query[i]] = []string{query[i+1]}
	}
	resp, err := client.Logical().ReadRawWithData(path, values)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}
