package account

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

var noon = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

// disk is where a book is stored.
type disk map[string][]byte

func (d disk) store(b *Book, now time.Time) {
	for name, text := range b.Changes(now) {
		if d[name] = text; text == nil {
			delete(d, name)
		}
	}
}

func opened(d disk, now time.Time) *Book {
	b := New(now)
	b.Load(d)
	return b
}

func cred(contract, caller, kid string, expiry time.Time) Credential {
	return Credential{ID: "id-" + contract, Contract: contract, Caller: caller, KeyID: kid, Expiry: expiry}
}

func total(b *Book) (u Use) {
	for _, row := range b.Uses(time.Time{}, time.Time{}) {
		u.add(row.Use)
	}
	return u
}

// A book that is stored and opened again at any moment says what one says that
// was never closed, and what was issued is live, revoked or expired.
func TestClosingABookLosesNothing(t *testing.T) {
	minted := 0
	rapid.Check(t, func(t *rapid.T) {
		now, d := noon, disk{}
		always, restarted := opened(nil, now), opened(d, now)
		var held []Credential
		each := func(f func(*Book)) { f(always); f(restarted) }
		take := func(t *rapid.T, matches func(Credential) bool) (taken []Credential) {
			kept := held[:0:0]
			for _, c := range held {
				if matches(c) {
					taken = append(taken, c)
				} else {
					kept = append(kept, c)
				}
			}
			held = kept
			return taken
		}
		pick := func(t *rapid.T) Credential {
			if len(held) == 0 {
				t.Skip("nothing is held")
			}
			i := rapid.IntRange(0, len(held)-1).Draw(t, "which")
			c := held[i]
			held = append(held[:i:i], held[i+1:]...)
			return c
		}
		t.Repeat(map[string]func(*rapid.T){
			"issue": func(t *rapid.T) {
				c := cred(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "contract"), rapid.SampledFrom([]string{"x", "y"}).Draw(t, "caller"),
					rapid.SampledFrom([]string{"k", "l"}).Draw(t, "key"), now.Add(time.Duration(rapid.IntRange(1, 300).Draw(t, "minutes"))*time.Minute))
				held = append(held, c)
				minted++
				each(func(b *Book) { b.Issued(now, c) })
			},
			"deny":   func(*rapid.T) { each(func(b *Book) { b.Denied(now, "a", "x", "condition_false") }) },
			"report": func(*rapid.T) { each(func(b *Book) { b.UsedScopes(now, "id-a", "a", map[string]uint64{"s": 2}) }) },
			"revoke": func(t *rapid.T) { c := pick(t); each(func(b *Book) { b.Revoked(now, c) }) },
			"time": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "minutes")) * time.Minute)
				for _, c := range take(t, func(c Credential) bool { return !c.Expiry.After(now) }) {
					each(func(b *Book) { b.Expired(c.Expiry, c) })
				}
			},
			"floor": func(t *rapid.T) {
				each(func(b *Book) { b.Died(now, revocation.Event{Type: revocation.EventFloor, Contract: "id-a"}) })
				take(t, func(c Credential) bool { return c.Contract == "a" })
			},
			"caller": func(t *rapid.T) {
				each(func(b *Book) {
					b.Died(now, revocation.Event{Type: revocation.EventCaller, Caller: token.CallerHash("x")})
				})
				take(t, func(c Credential) bool { return c.Caller == "x" })
			},
			"key": func(t *rapid.T) {
				each(func(b *Book) { b.Died(now, revocation.Event{Type: revocation.EventKey, KeyID: "k"}) })
				take(t, func(c Credential) bool { return c.KeyID == "k" })
			},
			"restart": func(*rapid.T) {
				d.store(restarted, now)
				restarted = opened(d, now)
			},
			"late load": func(*rapid.T) { // as when nobody asks for a while after a restart
				d.store(restarted, now)
				restarted = New(now)
				c := cred("b", "y", "l", now.Add(time.Hour))
				held = append(held, c)
				each(func(b *Book) { b.Issued(now, c) })
				restarted.Load(d)
			},
			"": func(t *rapid.T) {
				if got, want := restarted.Uses(time.Time{}, time.Time{}), always.Uses(time.Time{}, time.Time{}); !reflect.DeepEqual(got, want) {
					t.Fatalf("uses %v, want %v", got, want)
				}
				if got, want := restarted.Refusals(time.Time{}, time.Time{}), always.Refusals(time.Time{}, time.Time{}); !reflect.DeepEqual(got, want) {
					t.Fatalf("refusals %v, want %v", got, want)
				}
				for _, b := range []*Book{always, restarted} {
					if u := total(b); b.Live(now) != uint64(len(held)) || u.Issued != u.Revoked+u.Expired+uint64(len(held)) {
						t.Fatalf("%d live, want %d; %+v", b.Live(now), len(held), u)
					}
				}
				if got, want := restarted.Activity("id-a", now), always.Activity("id-a", now); !reflect.DeepEqual(got, want) {
					t.Fatalf("activity %+v, want %+v", got, want)
				}
			},
		})
	})
	if !testing.Short() && minted < 100 {
		t.Errorf("%d credentials: the test idles", minted)
	}
}

// A deploy moves the end of what was issued before.
func TestPlannedFloor(t *testing.T) {
	b := opened(nil, noon)
	old := cred("a", "x", "k", noon.Add(10*time.Hour))
	b.Issued(noon, old)
	b.Issued(noon, old)
	b.Died(noon, revocation.Event{Type: revocation.EventFloor, Contract: "id-a", From: noon.Add(2 * time.Hour).Unix()})
	b.Issued(noon, cred("a", "x", "k", noon.Add(10*time.Hour)))
	if a := b.Activity("id-a", noon); a.Ends[noon.Add(2*time.Hour)] != 2 || a.Ends[noon.Add(10*time.Hour)] != 1 {
		t.Errorf("ends %v", a.Ends)
	}
	old.Expiry = noon.Add(2 * time.Hour)
	b.Expired(noon.Add(3*time.Hour), old) // as Vault ends its lease
	if b.Live(noon.Add(3*time.Hour)) > 1 || total(b).Expired != 1 || total(b).Revoked != 0 {
		t.Errorf("%d live, %+v", b.Live(noon.Add(3*time.Hour)), total(b))
	}
}

// However many contracts and callers there are, and however long it goes on,
// the book has an end, and its sums are right.
func TestABookIsBounded(t *testing.T) {
	b, d, now := opened(nil, noon), disk{}, noon
	const callers = 3 * maxPairs
	for i := range callers {
		caller := fmt.Sprintf("e-%d", i)
		b.Issued(now, cred("a", caller, "k", now.Add(time.Hour)))
		b.Denied(now, fmt.Sprintf("c-%d", i%3), caller, "caller_not_bound")
	}
	if n := len(b.current.uses); n > maxPairs+1 {
		t.Errorf("%d pairs", n)
	}
	if n := len(b.current.refusals); n > maxRefusals+3 {
		t.Errorf("%d refusals", n)
	}
	if n := len(b.contracts.find("id-a").Held); n > maxHeldEach+1 {
		t.Errorf("%d rows", n)
	}
	if u := total(b); u.Issued != callers || b.Live(now) != callers {
		t.Errorf("%+v, %d live", u, b.Live(now))
	}
	sum := uint64(0)
	for _, r := range b.Refusals(time.Time{}, time.Time{}) {
		sum += r.N
	}
	if sum != callers {
		t.Errorf("%d refusals", sum)
	}
	if n := b.Died(now, revocation.Event{Type: revocation.EventFloor, Contract: "id-a"})["a"]; n != callers || b.Live(now) != 0 {
		t.Errorf("%d died, %d live", n, b.Live(now))
	}
	for range 2 * Hours {
		now = now.Add(time.Hour)
		for i := range 400 {
			b.Issued(now, cred(fmt.Sprintf("c-%d", i), "x", "k", now.Add(time.Hour)))
		}
		d.store(b, now)
	}
	rows := len(b.Uses(time.Time{}, time.Time{}))
	if rows > maxRows+400 || len(b.past) > Hours || len(d) > Hours+40 {
		t.Errorf("%d rows, %d hours, %d pages", rows, len(b.past), len(d))
	}
	if _, hours := b.Since(); !hours.Equal(hourTime(b.past[0].n)) {
		t.Errorf("kept since %s, the first hour is %s", hours, hourTime(b.past[0].n))
	}
	begun, hours := opened(d, now).Since()
	if wantBegun, wantHours := b.Since(); !begun.Equal(wantBegun) || !hours.Equal(wantHours) {
		t.Errorf("after a restart since %s and %s", begun, hours)
	}
	for name, text := range d {
		if len(text) > 900_000 {
			t.Errorf("page %s has %d bytes, storage takes 1 MiB", name, len(text))
		}
	}
}

// What is in storage may be damaged: the rest counts all the same.
func TestDamagedPages(t *testing.T) {
	b, d := opened(nil, noon), disk{}
	b.Issued(noon, cred("a", "x", "k", noon.Add(time.Hour)))
	d.store(b, noon)
	for name := range d {
		damaged := disk{"hours/x": []byte("{}"), "strange": []byte("{}")}
		for other, text := range d {
			damaged[other] = text
		}
		damaged[name] = []byte(`{"uses": 7`)
		again := opened(damaged, noon)
		again.Issued(noon, cred("a", "x", "k", noon.Add(time.Hour)))
		if total(again).Issued == 0 || again.Live(noon) == 0 {
			t.Errorf("without %s: %+v, %d live", name, total(again), again.Live(noon))
		}
	}
}

// A page that could not be stored is stored the next time.
func TestPagesThatCouldNotBeStored(t *testing.T) {
	b := opened(nil, noon)
	b.Issued(noon, cred("a", "x", "k", noon.Add(time.Hour)))
	first := b.Changes(noon)
	if len(first) != 3 || len(b.Changes(noon)) != 0 {
		t.Errorf("pages %v", first)
	}
	for name := range first {
		b.Unstored(name)
	}
	if second := b.Changes(noon); !reflect.DeepEqual(second, first) {
		t.Errorf("pages %v, want %v", second, first)
	}
}

func BenchmarkIssued(b *testing.B) {
	book, c := New(noon), cred("a", "x", "k", noon.Add(time.Hour))
	b.ReportAllocs()
	for b.Loop() {
		book.Issued(noon, c)
	}
}
