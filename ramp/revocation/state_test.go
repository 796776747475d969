package revocation_test

import (
	"math/bits"
	"math/rand/v2"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
)

func TestDeadIsWhatEventsSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s revocation.State
		told := map[revocation.Credential]bool{}
		for range rapid.IntRange(0, 8).Draw(t, "events") {
			e := anyEvent(t)
			news, err := s.Add(e)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range everyCredential() {
				if kills(e, c) && !told[c] {
					told[c] = true
					if !news {
						t.Fatalf("%+v killed %+v and is said to be no news", e, c)
					}
				}
			}
			now := dead(&s)
			if c := missing(told, now); c != "" {
				t.Fatalf("%s is alive after %+v", c, e)
			}
			if c := missing(now, told); c != "" {
				t.Fatalf("%s is dead and no event says so", c)
			}
		}
	})
}

// Followers get messages twice, late, in any order, and a snapshot now and
// then; in the end they know what the issuer knows.
func TestFollowersEndWhereTheIssuerIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var issuer, follower revocation.State
		var past []revocation.Event
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			e := anyEvent(t)
			if _, err := issuer.Add(e); err != nil {
				t.Fatal(err)
			}
			past = append(past, e)
			var message revocation.Feed
			switch rapid.IntRange(0, 3).Draw(t, "message") {
			case 0: // lost
				continue
			case 1:
				message = issuer.Snapshot()
			case 2: // some of the past, again or late
				for range rapid.IntRange(1, 4).Draw(t, "old") {
					message.Events = append(message.Events, pick(t, past))
				}
			case 3:
				message.Events = []revocation.Event{e}
			}
			before := dead(&follower)
			if err := follower.Apply(sent(t, message)); err != nil {
				t.Fatal(err)
			}
			if c := missing(before, dead(&follower)); c != "" {
				t.Fatalf("a message revived %s", c)
			}
			if c := missing(dead(&follower), dead(&issuer)); c != "" {
				t.Fatalf("the follower takes %s for dead, the issuer does not", c)
			}
		}
		rest := revocation.Feed{Events: past}
		if rapid.Bool().Draw(t, "snapshot at the end") {
			rest = issuer.Snapshot()
		}
		if err := follower.Apply(sent(t, rest)); err != nil {
			t.Fatal(err)
		}
		if c := missing(dead(&issuer), dead(&follower)); c != "" {
			t.Fatalf("the issuer takes %s for dead, the follower does not", c)
		}
	})
}

// The issuer stores chunks and events and reads them after a restart; other
// chunks come in any order, also when some of their serials are known already.
func TestNothingIsRevived(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s, other revocation.State
		for range rapid.IntRange(1, 10).Draw(t, "steps") {
			before := dead(&s)
			var err error
			switch rapid.IntRange(0, 2).Draw(t, "how") {
			case 0:
				_, err = s.Add(anyEvent(t))
			case 1:
				if _, err = other.Add(anyEvent(t)); err == nil {
					err = s.Apply(sent(t, other.Snapshot()))
				}
			case 2:
				contract, n := pick(t, contracts), rapid.Uint64Range(0, 3).Draw(t, "n")
				chunk, ok := other.Chunk(contract, n)
				if !ok {
					chunk = revocation.Chunk{Contract: contract, N: n, List: revocation.NewList().Encode(), Until: 5000}
				}
				err = s.AddChunk(chunk)
			}
			if err != nil {
				t.Fatal(err)
			}
			if c := missing(before, dead(&s)); c != "" {
				t.Fatalf("%s was revived", c)
			}
		}
	})
}

// Whoever reads status lists alone learns of serials and floors.
func TestListsSayWhatIsDead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s revocation.State
		for range rapid.IntRange(0, 6).Draw(t, "events") {
			e := anyEvent(t)
			if (e.Type == revocation.EventSerial || e.Type == revocation.EventFloor) && e.Caller == "" {
				if _, err := s.Add(e); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, contract := range append(contracts, "unknown") {
			set := map[uint64]int{} // bits by list
			for _, serial := range serials {
				list := s.List(contract, serial/revocation.ListSize, today)
				isDead := s.Dead(revocation.Credential{Contract: contract, Serial: serial}, today) != ""
				if isDead != list.Has(serial%revocation.ListSize) || isDead != s.Listed(contract, serial, today) {
					t.Fatalf("serial %d of %s: dead %t, bit %t, listed %t", serial, contract, isDead, list.Has(serial%revocation.ListSize), s.Listed(contract, serial, today))
				}
				if isDead && serial >= s.Floor(contract, today) {
					set[serial/revocation.ListSize]++
				}
			}
			for n := range uint64(4) {
				below := min(max(int(s.Floor(contract, today))-int(n*revocation.ListSize), 0), revocation.ListSize)
				if got := ones(s.List(contract, n, today)); got != below+set[n] {
					t.Fatalf("list %d of %s has %d bits, want %d below the floor and %d of serials", n, contract, got, below, set[n])
				}
			}
		}
	})
}

// Anybody may ask for any list: numbers wrap around at 1<<47 lists.
func TestListsFarBeyondEverySerial(t *testing.T) {
	var s revocation.State
	if _, err := s.Add(revocation.Event{Type: revocation.EventFloor, Contract: "a", Floor: 5 * revocation.ListSize}); err != nil {
		t.Fatal(err)
	}
	for n, want := range map[uint64]int{4: revocation.ListSize, 5: 0, 1 << 46: 0, 1<<47 - 1: 0, 1 << 47: 0, 999_999_999_999_999: 0, 1<<64 - 1: 0} {
		if got := ones(s.List("a", n, today)); got != want {
			t.Errorf("list %d has %d bits, want %d", n, got, want)
		}
	}
}

func ones(l revocation.List) int {
	n := 0
	for _, b := range l {
		n += bits.OnesCount8(b)
	}
	return n
}

func TestBadMessages(t *testing.T) {
	var s revocation.State
	if news, err := s.Add(revocation.Event{Type: "revive", Contract: "a"}); err == nil || news {
		t.Errorf("an unknown event: %t %v", news, err)
	}
	if err := s.Apply(&revocation.Feed{Events: []revocation.Event{{Type: "rev"}}}); err == nil {
		t.Error("a feed with an unknown event passes")
	}
	if err := s.Apply(&revocation.Feed{Lists: []revocation.Chunk{{Contract: "a", List: "junk"}}}); err == nil {
		t.Error("a feed with a damaged list passes")
	}
	if _, err := s.Add(revocation.Event{Type: revocation.EventCaller, Caller: "x", Before: -1 << 63}); err != nil || len(dead(&s)) > 0 {
		t.Errorf("a time long ago killed %d: %v", len(dead(&s)), err)
	}
	if _, err := s.Add(revocation.Event{Type: revocation.EventKey}); err != nil || s.Dead(revocation.Credential{}, today) != "" {
		t.Errorf("a key without a name killed a credential without a key: %v", err)
	}
}

func TestStateIsSafeForConcurrentUse(t *testing.T) {
	var s revocation.State
	var wg sync.WaitGroup
	for w := range uint64(4) {
		wg.Go(func() {
			for i := range uint64(300) {
				serial := rand.Uint64N(4 * revocation.ListSize)
				if _, err := s.Add(revocation.Event{Type: revocation.EventSerial, Contract: contracts[w%2], Serial: serial, Until: 9000}); err != nil {
					t.Error(err)
				}
				if s.Dead(revocation.Credential{Contract: contracts[w%2], Serial: serial}, today) == "" {
					t.Errorf("serial %d is alive after Add", serial)
				}
				switch i % 100 {
				case 0:
					f := s.Snapshot()
					if err := s.Apply(&f); err != nil {
						t.Error(err)
					}
				case 50:
					s.Forget(1000)
					s.List("a", 0, today)
				}
			}
		})
	}
	wg.Wait()
}
