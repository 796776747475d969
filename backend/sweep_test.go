package backend

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// slowDelete is storage that lets something else happen before it deletes.
type slowDelete struct {
	logical.Storage
	before func()
}

func (s slowDelete) Delete(ctx context.Context, key string) error {
	s.before()
	return s.Storage.Delete(ctx, key)
}

// What died long ago is dropped from storage, by lists and by contracts. What dies in that very moment stays dead,
// also for an engine that starts later.
func TestDyingWhileTheDeadAreSwept(t *testing.T) {
	r := newRig(t)
	r.contract()
	r.revoke(r.mint()) // in the list that is about to be dropped
	r.write("roles/orders-to-payments/revoke", nil)
	r.clock.advance(48 * time.Hour)
	one, other := r.mint(), r.mint()

	var once sync.Once
	died := make(chan struct{})
	_, failed := r.backend.HandleRequest(t.Context(), &logical.Request{Operation: logical.RollbackOperation, Storage: slowDelete{r.storage, func() {
		once.Do(func() {
			go func() {
				defer close(died)
				r.revoke(one)
				r.write("roles/orders-to-payments/revoke", nil)
			}()
			select {
			case <-died:
			case <-time.After(200 * time.Millisecond): // it waits until the sweep is over
			}
		})
	}}})
	if failed != nil {
		t.Fatal(failed)
	}
	<-died

	r.start()
	for _, made := range []*logical.Response{one, other} {
		if _, err := r.renew(made); status(err) != 403 {
			t.Errorf("after a restart serial %v can be renewed: %v", made.Data["serial"], err)
		}
	}
}
