package e2e_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

// A herd's clients pause after each credential and stop at a number of them, so that no run goes on for ever or
// keeps the machine from everything else.
const (
	herdPause = 30 * time.Millisecond
	herdMost  = 1000 // credentials a client
)

// herd is clients that mint until they are told to stop, and remember whatever they got. Some of it they revoke.
type herd struct {
	stop context.CancelFunc
	wait sync.WaitGroup

	mu       sync.Mutex
	held     []creds // not asked to be revoked
	revoked  []creds // whose revocation was answered with success
	doubtful []creds // whose revocation was answered with an error, so that either may be true
	failures []error
}

// graze starts a herd. Every client mints with mint, which is given the client's number. It revokes every fifth of
// its credentials with revoke, unless that is nil. Both are called from many goroutines.
func graze(t *testing.T, clients int, mint func(client int) (creds, error), revoke func(client int, lease string) error) *herd {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 3*patience)
	h := &herd{stop: stop}
	for client := range clients {
		h.wait.Go(func() {
			for n := 0; n < herdMost && ctx.Err() == nil; n++ {
				c, err := mint(client)
				switch {
				case err != nil:
					h.keep(&h.failures, err)
				case revoke == nil || n%5 != 4:
					h.keepCreds(&h.held, c)
				case revoke(client, c.Lease) == nil:
					h.keepCreds(&h.revoked, c)
				default:
					h.keepCreds(&h.doubtful, c)
				}
				select {
				case <-ctx.Done():
				case <-time.After(herdPause):
				}
			}
		})
	}
	t.Cleanup(h.rest)
	return h
}

func (h *herd) keepCreds(list *[]creds, c creds) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*list = append(*list, c)
}

func (h *herd) keep(list *[]error, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*list = append(*list, err)
}

// rest stops the herd. What it remembers may be read afterwards without a lock.
func (h *herd) rest() {
	h.stop()
	h.wait.Wait()
}

// minted is every credential that any client was ever given.
func (h *herd) minted() []creds {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append(append(append([]creds{}, h.held...), h.revoked...), h.doubtful...)
}

// grow waits until the herd has got n credentials more.
func (h *herd) grow(t *testing.T, n int) {
	t.Helper()
	n += len(h.minted())
	eventually(t, "more credentials", func() bool { return len(h.minted()) >= n })
}

// wantDistinct fails the test when two credentials have the same jti.
func wantDistinct(t *testing.T, list []creds) {
	t.Helper()
	seen := make(map[string]bool, len(list))
	for _, c := range list {
		if seen[c.ID] {
			t.Errorf("%s was issued twice", c.ID)
		}
		seen[c.ID] = true
	}
}

// known is what a follower that starts now gets to know.
func (r *rig) known(t *testing.T) *revocation.State {
	t.Helper()
	snapshot, known := r.feed(t, ""), &revocation.State{}
	if err := known.Apply(&snapshot); err != nil {
		t.Fatal(err)
	}
	return known
}

// whyDead says why a verifier that knows this refuses the credential now, "" when it does not.
func whyDead(known *revocation.State, c creds) string {
	_, serial, err := token.ParseID(c.ID)
	if err != nil {
		return err.Error()
	}
	return known.Dead(revocation.Credential{
		Contract: c.contractID(), Serial: serial, Caller: token.CallerHash(c.ClientID), IssuedAt: c.IssuedAt, KeyID: c.KeyID,
	}, time.Now().Unix())
}

// forEach calls do for each credential, eight at a time, and fails the test for each that returns an error.
func forEach(t *testing.T, list []creds, what string, do func(creds) error) {
	t.Helper()
	work := make(chan creds)
	var done sync.WaitGroup
	for range 8 {
		done.Go(func() {
			for c := range work {
				if err := do(c); err != nil {
					t.Errorf("%s %s: %v", what, c.ID, err)
				}
			}
		})
	}
	for _, c := range list {
		work <- c
	}
	close(work)
	done.Wait()
}

// revokeNow returns when Vault has revoked the lease, not just marked it for revocation.
func revokeNow(client *api.Client, lease string) error {
	return client.Sys().RevokeWithOptions(&api.RevokeOptions{LeaseID: lease, Sync: true})
}
