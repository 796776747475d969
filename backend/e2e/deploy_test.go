package e2e_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

// span is when a generation is live: from the answer of its deploy to the end of its overlap, if that came.
type span struct{ from, until time.Time }

// attempt is one request for a credential of a generation.
type attempt struct {
	generation   string
	began, ended time.Time
	expiry       time.Time // of what was granted
	err          error
}

// release deploys a generation and returns until when the others are live.
func (r *rig) release(t *testing.T, generation, overlap string) map[string]time.Time {
	t.Helper()
	answer := r.write(t, "roles/orders-to-payments/deploy", fields{"generation": generation, "overlap": overlap})
	if answer["generation"] != generation {
		t.Fatalf("deploy %s answers %v", generation, answer)
	}
	ends := map[string]time.Time{}
	for _, g := range answer["generations"].([]any) {
		until, _ := g.(fields)["until"].(string)
		if until == "" {
			continue
		}
		end, err := time.Parse(time.RFC3339, until)
		if err != nil {
			t.Fatal(err)
		}
		ends[g.(fields)["name"].(string)] = end
	}
	return ends
}

// Thirty clients mint without a pause while generations come, go and come back: a deploy, another one during its
// overlap, the rollback of that, and a third. Inside its overlap a generation is never refused, after it always.
func TestDeployUnderLoad(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	r.release(t, "one", "0s")
	held := r.mint(t, r.orders.Client, "orders-to-payments", fields{"generation": "one"})
	if held.Ramp.Generation != "one" || time.Until(held.ExpiresAt()) < 50*time.Minute {
		t.Fatalf("before the next deploy: generation %q, ends at %s", held.Ramp.Generation, held.ExpiresAt())
	}

	var live sync.Map // what the clients of each half present
	live.Store(0, "one")
	live.Store(1, "one")
	load := startLoad(30, func(client int) attempt {
		generation, _ := live.Load(client % 2)
		a := attempt{generation: generation.(string), began: time.Now()}
		var c creds
		c, a.err = r.tryMint(r.orders.Client, "orders-to-payments", fields{"generation": a.generation})
		a.ended, a.expiry = time.Now(), c.ExpiresAt()
		return a
	})
	defer load.stop()
	beyond := func(until time.Time) { time.Sleep(time.Until(until) + time.Second) }

	first := r.release(t, "two", "4s")["one"]
	two := span{from: time.Now()}
	live.Store(1, "two")
	r.wantCondemned(t, held, first)

	time.Sleep(time.Second)
	during := r.release(t, "three", "4s") // one is retiring still, and keeps its end
	three := span{from: time.Now(), until: time.Time{}}
	if !during["one"].Equal(first) || !during["two"].After(first) {
		t.Errorf("the deploy during the overlap moved %s to %v", first, during)
	}
	live.Store(0, "three")

	time.Sleep(time.Second)
	back := r.release(t, "two", "4s") // the rollback: two never stopped, three retires
	three.until = back["three"]
	if _, retiring := back["two"]; retiring || three.until.IsZero() {
		t.Errorf("after the rollback to two: %v", back)
	}
	live.Store(1, "one")
	beyond(first)
	live.Store(1, "two")
	beyond(three.until)

	two.until = r.release(t, "four", "3s")["two"]
	four := span{from: time.Now()}
	live.Store(0, "four")
	beyond(two.until)
	load.stop()

	granted, refused := 0, 0
	spans := map[string]span{"one": {until: first}, "two": two, "three": three, "four": four}
	for _, a := range load.attempts {
		s := spans[a.generation]
		switch {
		case s.until.IsZero() || a.ended.Before(s.until):
			granted++
			if a.err != nil {
				t.Errorf("%s is live until %s, at %s it was refused: %v", a.generation, s.until, a.began, a.err)
			} else if a.began.After(s.until.Add(-2*time.Second)) && !s.until.IsZero() && a.expiry.After(s.until) {
				t.Errorf("a credential of %s ends at %s, the overlap at %s", a.generation, a.expiry, s.until)
			}
		case a.began.After(s.until):
			refused++
			wantDenied(t, a.err, "generation_retired")
		}
	}
	t.Logf("%d granted, %d refused after the overlap", granted, refused)
	if granted < 200 || refused < 30 {
		t.Errorf("that is too few to say anything")
	}

	// What was issued before the first deploy is dead, though nobody touched its lease.
	r.wantDead(t, held)
	if _, err := r.Client.Logical().Write("sys/leases/lookup", fields{"lease_id": held.Lease}); err != nil {
		t.Errorf("the lease is gone: %v", err)
	}
	_, err := r.Client.Sys().Renew(held.Lease, 0)
	wantRefused(t, err, 400, "permission denied")
}

// wantCondemned fails the test unless the credential is alive and the feed knows when it will die.
func (r *rig) wantCondemned(t *testing.T, c creds, end time.Time) {
	t.Helper()
	snapshot := r.feed(t, "")
	var known revocation.State
	if err := known.Apply(&snapshot); err != nil {
		t.Fatal(err)
	}
	credential := revocation.Credential{Contract: c.contractID(), Serial: c.Ramp.Serial, Caller: token.CallerHash(c.ClientID), IssuedAt: c.IssuedAt, KeyID: c.KeyID}
	if known.Dead(credential, end.Unix()-1) != "" || known.Dead(credential, end.Unix()) == "" {
		t.Errorf("the feed does not say that %s dies at %s: %+v", c.ID, end, snapshot.Events)
	}
	if answer := r.introspect(t, c.Token); answer["active"] != true && time.Now().Before(end) {
		t.Errorf("%s was to live until %s: %v", c.ID, end, answer)
	}
}

// load is clients that ask again and again.
type load struct {
	stopped  atomic.Bool
	clients  sync.WaitGroup
	mu       sync.Mutex
	attempts []attempt
}

func startLoad(clients int, ask func(client int) attempt) *load {
	l := &load{}
	for client := range clients {
		l.clients.Go(func() {
			for !l.stopped.Load() {
				a := ask(client)
				l.mu.Lock()
				l.attempts = append(l.attempts, a)
				l.mu.Unlock()
				time.Sleep(50 * time.Millisecond)
			}
		})
	}
	return l
}

func (l *load) stop() {
	l.stopped.Store(true)
	l.clients.Wait()
}

// Deploying the current generation again changes nothing, and without an overlap the one before is dead at once.
func TestDeployTwiceAndWithoutOverlap(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	early := r.mint(t, r.orders.Client, "orders-to-payments", fields{"generation": "any"}) // a label before the first deploy
	if early.Ramp.Generation != "any" {
		t.Errorf("generation is %q", early.Ramp.Generation)
	}
	r.release(t, "one", "0s")
	r.wantDead(t, early)
	one := r.mint(t, r.orders.Client, "orders-to-payments", nil) // who presents none belongs to the current one
	if one.Ramp.Generation != "one" {
		t.Errorf("generation is %q", one.Ramp.Generation)
	}
	if ends := r.release(t, "one", "0s"); len(ends) != 0 {
		t.Errorf("the same deploy again retires %v", ends)
	}
	r.wantAlive(t, one)
	r.release(t, "two", "0s")
	r.wantDead(t, one)
	_, err := r.tryMint(r.orders.Client, "orders-to-payments", fields{"generation": "one"})
	wantDenied(t, err, "generation_retired")
	r.wantAlive(t, r.mint(t, r.orders.Client, "orders-to-payments", nil))
	if got := fmt.Sprint(r.read(t, "roles/orders-to-payments")["generation"]); got != "two" {
		t.Errorf("the contract shows generation %s", got)
	}
}
