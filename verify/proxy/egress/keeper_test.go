package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// ledger is a source that a test plays: it remembers what lives until when.
type ledger struct {
	ttl       time.Duration
	max       time.Duration // of a lease, however often renewed; 0: no end
	renewable bool

	mu      sync.Mutex
	err     error // of every answer
	issued  int
	started map[string]time.Time
	ends    map[string]time.Time
	revoked []string
	doomed  chan struct{}
}

func newLedger(ttl, longest time.Duration, renewable bool) *ledger {
	return &ledger{
		ttl: ttl, max: longest, renewable: renewable, doomed: make(chan struct{}),
		started: map[string]time.Time{}, ends: map[string]time.Time{},
	}
}

func (l *ledger) Fetch(context.Context, Key) (*Credential, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return nil, l.err
	}
	l.issued++
	name := fmt.Sprintf("credential-%d", l.issued)
	l.started[name], l.ends[name] = time.Now(), time.Now().Add(l.ttl)
	return &Credential{Token: name, Type: "Bearer", Lease: name, TTL: l.ttl, Renewable: l.renewable, Doomed: l.doomed}, nil
}

func (l *ledger) Renew(_ context.Context, lease string) (time.Duration, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return 0, l.err
	}
	if !l.alive(lease) {
		return 0, &Denied{"the credential is dead"}
	}
	end := time.Now().Add(l.ttl)
	if last := l.started[lease].Add(l.max); l.max > 0 && end.After(last) {
		end = last
	}
	l.ends[lease] = end
	return time.Until(end), nil
}

func (l *ledger) Revoke(_ context.Context, lease string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.revoked = append(l.revoked, lease)
	delete(l.ends, lease)
	return nil
}

func (l *ledger) alive(lease string) bool { return time.Now().Before(l.ends[lease]) }

func (l *ledger) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

func (l *ledger) kill(lease string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.ends, lease)
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.issued
}

// tryUse sends nothing: it says whether what a request would bear is alive.
func (l *ledger) tryUse(t *Transport) (string, error) {
	h, err := t.keeper.current(context.Background())
	if err != nil {
		return "", err
	}
	defer h.done()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.alive(h.Token) {
		return h.Token, fmt.Errorf("%s is dead", h.Token)
	}
	return h.Token, nil
}

func keep(t interface{ Fatal(...any) }, s Source) *Transport {
	e, err := New(Config{Upstream: "http://127.0.0.1:1", Source: s})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Whatever the terms, every request of many hours bears a live credential, no
// more credentials are asked for than needed, and in the end all are revoked.
func TestNoRequestWithoutLiveCredential(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ttl := time.Duration(rapid.IntRange(2, 7200).Draw(rt, "ttl")) * time.Second
		longest := ttl * time.Duration(rapid.IntRange(1, 20).Draw(rt, "longest"))
		renewable := rapid.Bool().Draw(rt, "renewable")
		synctest.Test(t, func(*testing.T) {
			l := newLedger(ttl, longest, renewable)
			e := keep(rt, l)
			total := 20 * longest
			for range 2000 {
				if _, err := l.tryUse(e); err != nil {
					rt.Fatalf("after %d credentials: %v", l.count(), err)
				}
				time.Sleep(total / 2000)
			}
			e.Close()
			least := longest
			if !renewable {
				least = ttl
			}
			if most := int(total/(least/2)) + 2; l.count() > most {
				rt.Fatalf("%d credentials in %s of ttl %s and at most %s, renewable %v", l.count(), total, ttl, longest, renewable)
			}
			if len(l.revoked) != l.count() {
				rt.Fatalf("of %d credentials %d are revoked", l.count(), len(l.revoked))
			}
		})
	})
}

// The source is away for a while now and then, but never for as long as a
// third of the TTL: nobody notices.
func TestShortOutages(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ttl := time.Duration(rapid.IntRange(120, 3600).Draw(rt, "ttl")) * time.Second
		outage := ttl / 10
		synctest.Test(t, func(*testing.T) {
			l := newLedger(ttl, 5*ttl, rapid.Bool().Draw(rt, "renewable"))
			e := keep(rt, l)
			synctest.Wait()
			for range 50 {
				time.Sleep(time.Duration(rapid.IntRange(1, int(ttl/time.Second)).Draw(rt, "calm")) * time.Second)
				l.fail(errors.New("503 Vault is sealed"))
				for range 10 {
					if _, err := l.tryUse(e); err != nil {
						rt.Fatal(err)
					}
					time.Sleep(outage / 10)
				}
				l.fail(nil)
				time.Sleep(longestRetry)
				if _, err := l.tryUse(e); err != nil {
					rt.Fatal(err)
				}
			}
			e.Close()
		})
	})
}

func TestRenewalKeepsTheCredential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(time.Minute, 0, true)
		e := keep(t, l)
		defer e.Close()
		for range 100 {
			if name, err := l.tryUse(e); err != nil || name != "credential-1" {
				t.Fatal(name, err)
			}
			time.Sleep(30 * time.Second)
		}
		if s := e.Stats(); s.Fetched != 1 || s.Renewed < 70 || s.Renewed > 95 || s.Failed != 0 || s.Left <= 0 {
			t.Errorf("%+v", s)
		}
	})
}

// A credential that the source declares dead is used no more; why there is no
// other is said to each request, and it ends as soon as the source says yes.
func TestDenied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(time.Minute, 0, true)
		e := keep(t, l)
		defer e.Close()
		if _, err := l.tryUse(e); err != nil {
			t.Fatal(err)
		}
		l.fail(&Denied{"denied: the caller is suspended (caller_suspended)"})
		time.Sleep(45 * time.Second) // a renewal is due
		for range 100 {
			_, err := l.tryUse(e)
			if !errors.As(err, new(*Denied)) || !errors.As(err, new(*NoCredential)) || !strings.Contains(err.Error(), "caller_suspended") {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		l.fail(nil)
		time.Sleep(longestRetry)
		if name, err := l.tryUse(e); err != nil || name != "credential-2" {
			t.Error(name, err)
		}
	})
}

// A credential that the issuer may not replace, but nobody calls dead, serves
// to its end.
func TestDeniedRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(time.Minute, 0, false)
		e := keep(t, l)
		defer e.Close()
		synctest.Wait()
		l.fail(&Denied{"no"})
		for range 59 {
			if _, err := l.tryUse(e); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		time.Sleep(2 * time.Second)
		if _, err := l.tryUse(e); !errors.As(err, new(*Denied)) {
			t.Error(err)
		}
	})
}

// What minted the credential goes away: there is another at once.
func TestDoomed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(time.Hour, 0, true)
		e := keep(t, l)
		defer e.Close()
		stream, err := e.keeper.current(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		l.mu.Lock()
		old := l.doomed
		l.doomed = make(chan struct{})
		l.mu.Unlock()
		close(old)
		synctest.Wait()
		if name, err := l.tryUse(e); err != nil || name != "credential-2" {
			t.Error(name, err)
		}
		if len(l.revoked) > 0 {
			t.Errorf("revoked %v while a request bears it", l.revoked)
		}
		time.Sleep(time.Minute)
		stream.done()
		synctest.Wait()
		if len(l.revoked) != 1 || stream.use() {
			t.Errorf("revoked %v", l.revoked)
		}
	})
}

// Requests that find a credential dead share one new one. An upstream that
// calls every credential dead is not believed for ever.
func TestRefusedByUpstream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(time.Hour, 0, true)
		e := keep(t, l)
		defer e.Close()
		first, err := e.keeper.current(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		l.kill(first.Token)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if h, err := e.keeper.replacement(t.Context(), first); err != nil || h.Token != "credential-2" {
					t.Error(h, err)
				}
			})
		}
		all.Wait()
		if l.count() != 2 {
			t.Errorf("%d credentials", l.count())
		}
		for range 1000 {
			h, err := e.keeper.current(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_, _ = e.keeper.replacement(t.Context(), h)
		}
		if l.count() > 4 {
			t.Errorf("%d credentials for an upstream that likes none", l.count())
		}
		time.Sleep(time.Minute)
		h, _ := e.keeper.current(t.Context())
		if next, err := e.keeper.replacement(t.Context(), h); err != nil || next == h {
			t.Errorf("a minute later: %v", err)
		}
	})
}

// The upstream calls a credential dead while the source is away: the others
// keep using it, for the upstream may be wrong. If the source says that there
// is no other, nobody does.
func TestRefusedAndNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(time.Hour, 0, true)
		e := keep(t, l)
		defer e.Close()
		h, err := e.keeper.current(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		l.fail(errors.New("connection refused"))
		if _, err := e.keeper.replacement(t.Context(), h); err == nil {
			t.Error("there is another")
		}
		if name, err := l.tryUse(e); err != nil || name != "credential-1" {
			t.Error(name, err)
		}
		if err := e.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("the way is said to be good: %v", err)
		}
		l.fail(&Denied{"suspended"})
		time.Sleep(longestRetry)
		if _, err := l.tryUse(e); !errors.As(err, new(*Denied)) {
			t.Error(err)
		}
		l.fail(nil)
		time.Sleep(longestRetry)
		if err := e.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// An upstream asks for more, and the issuer gives no second credential while
// the first lives: the first goes on for as long as it can.
func TestGrowsWithinLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &single{newLedger(time.Minute, 0, true)}
		e := keep(t, l)
		defer e.Close()
		for range 1000 {
			if name, err := l.tryUse(e); err != nil || name != "credential-1" {
				t.Fatal(name, err)
			}
			e.keeper.outgrown()
			time.Sleep(10 * time.Second)
		}
	})
}

// single gives no credential while another lives.
type single struct{ *ledger }

func (s *single) Fetch(ctx context.Context, k Key) (*Credential, error) {
	s.mu.Lock()
	for lease := range s.ends {
		if s.alive(lease) {
			s.mu.Unlock()
			return nil, &Denied{"denied: 1 credential is live (limit_active)"}
		}
	}
	s.mu.Unlock()
	return s.ledger.Fetch(ctx, k)
}

func TestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(time.Hour, 0, true)
		slow := &slow{l, 3 * time.Second}
		e := keep(t, slow)
		defer e.Close()
		if name, err := l.tryUse(e); err != nil || name != "credential-1" {
			t.Error(name, err)
		}
		slow.pause = time.Hour
		f := keep(t, slow)
		defer f.Close()
		if _, err := l.tryUse(f); err == nil {
			t.Error("nobody gave it a credential")
		}
		ctx, stop := context.WithCancel(t.Context())
		stop()
		g := keep(t, &slowly{})
		defer g.Close()
		if err := g.Wait(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

type slow struct {
	*ledger
	pause time.Duration
}

func (s *slow) Fetch(ctx context.Context, k Key) (*Credential, error) {
	select {
	case <-time.After(s.pause):
		return s.ledger.Fetch(ctx, k)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type slowly struct{ ledger }

func (s *slowly) Fetch(ctx context.Context, _ Key) (*Credential, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestLeaseless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := keep(t, newLedger(0, 0, false))
		defer e.Close()
		if err := e.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "lasts 0s") {
			t.Error(err)
		}
		if n := e.Stats().Failed; n != 1 {
			t.Errorf("%d attempts at once", n)
		}
	})
}

func TestBody(t *testing.T) {
	for _, tc := range []struct {
		size, declared int64
		again          bool
	}{{0, 0, true}, {1, 1, true}, {maxRepeated, maxRepeated, true}, {maxRepeated + 1, maxRepeated + 1, false}, {10, -1, false}} {
		text := strings.Repeat("x", int(tc.size))
		req, _ := http.NewRequest(http.MethodPost, "http://127.0.0.1", io.NopCloser(strings.NewReader(text)))
		if tc.size == 0 {
			req.Body = nil
		}
		req.ContentLength = tc.declared
		b, err := newBody(req)
		if err != nil || b.again() != tc.again {
			t.Fatalf("%+v: again %v, %v", tc, b.again(), err)
		}
		for i := 0; i == 0 || i < 3 && tc.again; i++ {
			r, err := b.open()
			if err != nil {
				t.Fatal(err)
			}
			if read, err := io.ReadAll(r); err != nil || string(read) != text {
				t.Errorf("%+v: %d bytes, %v", tc, len(read), err)
			}
		}
	}
}
