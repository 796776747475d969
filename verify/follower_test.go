package verify

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// source is a way to an issuer that can be closed.
type source struct {
	*httptest.Server
	closed atomic.Bool
	asked  atomic.Int64
}

func newSource(t *testing.T, i *verifytest.Issuer) *source {
	t.Helper()
	s := &source{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		if s.closed.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set(MaxWaitHeader, "10s")
		http.Redirect(w, r, i.URL+"/feed?after="+r.FormValue("after"), http.StatusTemporaryRedirect)
	}))
	t.Cleanup(s.Close)
	return s
}

// A follower leaves a source that fails, and returns to the first that is back.
func TestLeaveAndReturn(t *testing.T) {
	i := verifytest.New(t)
	first, second := newSource(t, i), newSource(t, i)
	c := Config{Issuer: i.URL, Relays: []string{first.URL, second.URL}}
	if err := c.complete(); err != nil {
		t.Fatal(err)
	}
	var w following
	w.init(c, func([]byte, *revocation.Feed) error { return nil })
	f := &w.feed
	poll := func(want int) {
		t.Helper()
		f.next(t.Context())
		if f.at != want {
			t.Errorf("asks source %d, want %d", f.at, want)
		}
		if err := f.poll(t.Context(), 0); err != nil {
			f.failed()
		}
	}
	poll(0)
	first.closed.Store(true)
	second.closed.Store(true)
	poll(0) // fails
	poll(1) // fails
	poll(2) // the issuer
	poll(2)

	f.look = time.Time{} // a minute has passed
	poll(2)
	for deadline := time.Now().Add(time.Minute); first.asked.Load() < 3 || second.asked.Load() < 2; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nobody looked whether the relays are back")
		}
	}
	poll(2) // they are not

	second.closed.Store(false)
	f.look = time.Time{}
	poll(2)
	for deadline := time.Now().Add(time.Minute); f.back.Load() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nobody noticed that the second relay is back")
		}
	}
	poll(1)
	poll(1)
}

// A follower waits as long as its source allows, but not so long that it would
// call itself stale before it noticed that the source hangs.
func TestHowLongToWait(t *testing.T) {
	for _, c := range []struct {
		header    string
		staleness time.Duration
		want      time.Duration
	}{
		{"", 0, time.Second},
		{"20s", 0, 7500 * time.Millisecond},
		{"20s", 10 * time.Minute, 20 * time.Second},
		{"3h", time.Hour, time.Minute},
		{"20s", 2 * time.Second, time.Second},
		{"-1s", 0, time.Second},
		{"soon", 0, time.Second},
	} {
		config := Config{Issuer: "https://vault.example.com", MaxStaleness: c.staleness}
		if err := config.complete(); err != nil {
			t.Fatal(err)
		}
		var w following
		w.init(config, nil)
		w.feed.wait = allowedWait(http.Header{MaxWaitHeader: {c.header}})
		if got := w.feed.next(t.Context()); got != c.want {
			t.Errorf("%+v: waits %s", c, got)
		}
	}
}
