package e2e_test

import (
	"errors"
	"strconv"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
)

// A follower starts with a snapshot and then gets each death once, in the order in which they happened.
func TestFollowTheFeed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	id := r.contract(t, "orders-to-payments", nil)
	first, second := r.mint(t, r.orders.Client, "orders-to-payments", nil), r.mint(t, r.orders.Client, "orders-to-payments", nil)

	start := r.feed(t, "")
	if !start.Snapshot || start.Issuer != r.Addr+issuerPath || len(start.Events) != 0 || len(start.Lists) != 0 {
		t.Errorf("the first message is %+v", start)
	}
	if news := r.feed(t, cursor(start)); news.Snapshot || len(news.Events) != 0 || news.Cursor != start.Cursor || news.After != start.Cursor {
		t.Errorf("without news the message is %+v", news)
	}
	wantDone(t, r.Client.Sys().Revoke(second.Lease))
	wantDone(t, r.Client.Sys().Revoke(first.Lease))
	r.write(t, "roles/orders-to-payments/revoke", nil)

	seen := start
	for _, want := range []revocation.Event{
		{Type: "serial", Contract: id, Serial: 1}, {Type: "serial", Contract: id, Serial: 0}, {Type: "floor", Contract: id, Floor: 2},
	} {
		news := r.feed(t, cursor(seen))
		got := news.Events[0]
		got.Until = 0
		if got != want {
			t.Errorf("event %+v, want %+v", got, want)
		}
		seen.Cursor++ // a follower may be slow: the next message begins where it stands
	}
	if news := r.feed(t, cursor(seen)); len(news.Events) != 0 || news.Cursor != seen.Cursor {
		t.Errorf("there is more: %+v", news)
	}

	// Who cannot be served from memory starts over.
	for _, cursor := range []string{"0", "1", strconv.FormatUint(seen.Cursor+1, 10), "18446744073709551615"} {
		if news := r.feed(t, cursor); !news.Snapshot || news.Cursor != seen.Cursor || len(news.Events) != 3 {
			t.Errorf("after %s: %+v", cursor, news)
		}
	}
}

// A follower that waits is answered when something dies, not when its patience ends.
func TestWaitForNews(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	seen := r.feed(t, "")
	empty, news := 0, make(chan []revocation.Event)
	go func() {
		defer close(news)
		for range 60 {
			var message revocation.Feed
			body, _, err := r.tryPublic("ramp/feed", "after", cursor(seen), "wait", "1s")
			if err = errors.Join(err, decodePart(string(body), 1, &message)); err != nil {
				t.Error(err)
				return
			}
			if len(message.Events) > 0 {
				news <- message.Events
				return
			}
			empty++
		}
	}()
	c := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	wantDone(t, r.Client.Sys().Revoke(c.Lease))
	events := <-news
	if len(events) != 1 || events[0].Serial != c.Ramp.Serial || events[0].Contract != c.contractID() {
		t.Errorf("after %d empty answers: %+v", empty, events)
	}
}
