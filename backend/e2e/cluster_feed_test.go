package e2e_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
)

// feedFollower follows the feed through whatever node answers, as a verifier with three addresses does.
type feedFollower struct {
	nodes []*api.Client
	stop  context.CancelFunc
	wait  sync.WaitGroup

	known     revocation.State
	cursor    uint64
	answers   int
	snapshots int
	complaint error
}

func followFeed(t *testing.T, c *vaulttest.Cluster) *feedFollower {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 3*patience)
	f := &feedFollower{stop: stop}
	for _, node := range c.Nodes {
		f.nodes = append(f.nodes, node.As(""))
	}
	f.wait.Go(func() {
		for n := 0; ctx.Err() == nil && f.complaint == nil; n++ {
			f.ask(f.nodes[n%len(f.nodes)])
			time.Sleep(20 * time.Millisecond)
		}
	})
	t.Cleanup(stop)
	return f
}

// ask reads the feed through a node. That it does not answer is no complaint: there are others.
func (f *feedFollower) ask(node *api.Client) {
	query := []string{"wait", "1s"}
	if f.answers > 0 {
		query = append(query, "after", strconv.FormatUint(f.cursor, 10))
	}
	body, err := publicly(node, "ramp/feed", query...)
	if err != nil {
		return
	}
	var message revocation.Feed
	if err := decodePart(body, 1, &message); err != nil {
		f.complaint = err
		return
	}
	switch {
	case message.Cursor < f.cursor:
		f.complaint = fmt.Errorf("the feed went back from %d to %d", f.cursor, message.Cursor)
	case !message.Snapshot && message.After != f.cursor:
		f.complaint = fmt.Errorf("asked for what comes after %d, got what comes after %d", f.cursor, message.After)
	default:
		f.complaint = f.known.Apply(&message)
	}
	f.cursor = message.Cursor
	f.answers++
	if message.Snapshot {
		f.snapshots++
	}
}

// rest asks each node a last time and ends the follower. What it knows may be read afterwards.
func (f *feedFollower) rest(t *testing.T) {
	t.Helper()
	f.stop()
	f.wait.Wait()
	for _, node := range f.nodes {
		f.ask(node)
	}
	if f.complaint != nil {
		t.Error(f.complaint)
	}
	// One to begin with, and one to learn what the new leader knows.
	t.Logf("the follower stands at %d after %d answers, %d of them snapshots", f.cursor, f.answers, f.snapshots)
	if f.snapshots != 2 {
		t.Errorf("the follower got %d snapshots, want 2", f.snapshots)
	}
}
