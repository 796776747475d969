package backend

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

func TestFeedStory(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.refused(logical.ReadOperation, "feed", "", nil, 404, "not configured")
		r.contract()
		var follower revocation.State
		var all []revocation.Event
		follow := func(after uint64) revocation.Feed {
			t.Helper()
			message := r.feed(after)
			if err := follower.Apply(&message); err != nil || message.After != after && !message.Snapshot {
				t.Fatalf("%+v %v", message, err)
			}
			all = append(all, message.Events...)
			return message
		}
		start := follow(0)
		if !start.Snapshot || len(start.Events)+len(start.Lists) != 0 || start.IssuedAt != r.clock.now().Unix() {
			t.Errorf("nothing has died: %+v", start)
		}
		one, two, three := r.mint(), r.mint(), r.mint()
		r.revoke(one)
		second := follow(start.Cursor)
		if second.Snapshot || second.Cursor != start.Cursor+1 || len(second.Events) != 1 || second.Events[0].Serial != 0 {
			t.Errorf("one credential died: %+v", second)
		}
		if nothing := follow(second.Cursor); nothing.Cursor != second.Cursor || len(nothing.Events) != 0 {
			t.Errorf("no news: %+v", nothing)
		}
		r.write("roles/"+role+"/revoke", map[string]any{"caller": "e-orders"})
		r.write("callers/e-other/suspend", nil)
		r.write("roles/"+role+"/suspend", nil)
		third := follow(second.Cursor)
		if len(third.Events) != 3 || third.Cursor != second.Cursor+3 {
			t.Errorf("three things died: %+v", third)
		}
		for _, resp := range []*logical.Response{one, two, three} {
			if follower.Dead(r.credential(resp), r.clock.now().Unix()) == "" {
				t.Errorf("the follower takes %v for alive", resp.Data["jti"])
			}
		}
		r.start()
		after := follow(third.Cursor)
		if !after.Snapshot || after.Cursor <= third.Cursor {
			t.Errorf("after a restart a follower gets %+v", after)
		}
		if ahead := follow(after.Cursor + 1000); !ahead.Snapshot {
			t.Errorf("a follower ahead of the feed gets %+v", ahead)
		}
		for _, e := range append(all, after.Events...) {
			for _, name := range []string{"e-orders", "e-other", role, "payments"} {
				if strings.Contains(fmt.Sprintf("%+v", e), name) {
					t.Errorf("the feed names %s in clear: %+v", name, e)
				}
			}
		}
	})
}

// A follower that fell far behind gets a snapshot, and memory is bounded.
func TestFeedForgetsThePast(t *testing.T) {
	r := newRig(t)
	r.contract()
	start := r.feed(0)
	held := r.mint()
	for range 2*feedHistory + 10 {
		r.engine.feed.publish(revocation.Event{Type: revocation.EventSerial, Contract: "x"})
	}
	r.revoke(held)
	if n := len(r.engine.feed.events); n >= 2*feedHistory {
		t.Errorf("%d events are kept", n)
	}
	late := r.feed(start.Cursor)
	if !late.Snapshot || len(late.Events) != 1 {
		t.Errorf("a late follower gets %d events", len(late.Events))
	}
	if recent := r.feed(late.Cursor - feedHistory + 1); recent.Snapshot || len(recent.Events) != feedHistory-1 {
		t.Errorf("a follower within the history gets snapshot %t, %d events", recent.Snapshot, len(recent.Events))
	}
}

// Followers that wait, and ask again when there were no news, all hear of a
// revocation.
func TestWaitingFollowers(t *testing.T) {
	r := newRig(t)
	r.contract()
	held := r.mint()
	start := r.feed(0)
	const followers = 50
	heard := make(chan revocation.Feed, followers)
	for range followers {
		go func() {
			for after := start.Cursor; ; {
				message, err := r.wait(after)
				if err != nil {
					t.Error(err)
				}
				if len(message.Events) > 0 || err != nil {
					heard <- message
					return
				}
			}
		}()
	}
	r.revoke(held)
	for range followers {
		if message := <-heard; len(message.Events) != 1 || message.Events[0].Type != revocation.EventSerial {
			t.Errorf("heard %+v", message)
		}
	}
}

// wait reads the feed from another goroutine than the test's.
func (r *rig) wait(after uint64) (revocation.Feed, error) {
	var message revocation.Feed
	resp, err := r.backend.HandleRequest(context.Background(), &logical.Request{Operation: logical.ReadOperation, Path: "feed", Storage: r.storage, Data: map[string]any{"after": fmt.Sprint(after), "wait": "1s"}})
	if err != nil {
		return message, err
	}
	_, payload, err := token.Open(string(resp.Data[logical.HTTPRawBody].([]byte)), r.engine.keys.Public, token.TypeFeed)
	if err != nil {
		return message, err
	}
	return message, jsonInto(payload, &message)
}

// Sealing must not wait for followers.
func TestFollowersAreSentAwayWhenTheEngineStops(t *testing.T) {
	r := newRig(t)
	r.contract()
	start := r.feed(0)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for { // until an answer comes although there are no news and no second has passed
				began := time.Now()
				if _, err := r.wait(start.Cursor); err != nil {
					t.Error(err)
					return
				}
				if time.Since(began) < time.Second {
					return
				}
			}
		})
	}
	r.backend.Cleanup(context.Background())
	wg.Wait()
	if r.engine.feed.waiting != 0 {
		t.Errorf("%d followers are still waiting", r.engine.feed.waiting)
	}
}

func TestBadFeedRequests(t *testing.T) {
	r := newRig(t)
	r.contract()
	for _, tc := range []struct {
		data map[string]any
		says string
	}{
		{map[string]any{"after": "-1"}, "is not a cursor"},
		{map[string]any{"after": "yesterday"}, "is not a cursor"},
		{map[string]any{"after": strings.Repeat("9", 1<<20)}, "is not a cursor"},
		{map[string]any{"wait": "2s"}, "at most 1s"},
		{map[string]any{"wait": "1001ms"}, "at most 1s"},
		{map[string]any{"wait": "-1s"}, "at most 1s"},
		{map[string]any{"wait": "long"}, "at most 1s"},
		{map[string]any{"since": "1"}, `unknown field "since"`},
	} {
		r.refused(logical.ReadOperation, "feed", "", tc.data, 400, tc.says)
	}
}
