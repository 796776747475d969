package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/journal"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

func TestNothingIsWrittenWhileNobodyWaits(t *testing.T) {
	r := newRig(t)
	r.log()
	if writes := r.disk.counted(func() {
		for i := range 1000 {
			r.issue(fmt.Sprint(i))
		}
	}); writes != 0 {
		t.Errorf("%d writes", writes)
	}
	if s := r.Status(); s.Waiting != 1000 || s.Size != 0 {
		t.Errorf("%+v", s)
	}
	r.now = r.now.Add(3 * time.Second)
	if s := r.Status(); s.Lag != 3*time.Second {
		t.Errorf("%+v", s)
	}
	if writes := r.disk.counted(r.flush); writes > 20 {
		t.Errorf("%d writes for 1000 entries", writes)
	}
	if list := r.entries(); len(list) != 1000 || list[999].JTI != "999" || r.Status().Waiting != 0 {
		t.Errorf("%d entries, %+v", len(list), r.Status())
	}
}

// What waits is written after a while without anybody asking.
func TestWriting(t *testing.T) {
	r := newRig(t)
	r.Wait = time.Millisecond
	r.issue("a")
	for deadline := time.Now().Add(time.Minute); r.Status().Waiting > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing is written")
		}
	}
	if count(r.entries(), ledger.Issue, "a") != 1 {
		t.Error("the entry is missing")
	}
}

func TestRecordIsDurableAndShared(t *testing.T) {
	r := newRig(t)
	r.issue("before")
	writes := r.disk.counted(func() {
		var all sync.WaitGroup
		for i := range 200 {
			all.Go(func() {
				if err := r.Record(t.Context(), r.entry(ledger.Revoke, fmt.Sprint(i))); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
	if writes > 2*200+10 {
		t.Errorf("%d writes for 200 records at a time", writes)
	}
	r.start()
	if list := r.entries(); len(list) != 201 || list[0].JTI != "before" {
		t.Errorf("%d entries", len(list))
	}
}

// A revocation that is repeated, in this process or after a crash, is one entry.
func TestARevocationIsRecordedOnce(t *testing.T) {
	r := newRig(t)
	for range 3 {
		must(t, r.Record(t.Context(), r.entry(ledger.Revoke, "a")))
		must(t, r.Record(t.Context(), r.entry(ledger.Role, "")))
		r.start()
	}
	fails := true
	r.disk.fail = func() (bool, bool) { return false, fails }
	if r.Record(t.Context(), r.entry(ledger.Revoke, "b")) == nil {
		t.Fatal("recorded on a broken disk")
	}
	fails = false
	r.disk.fail = nil
	must(t, r.Record(t.Context(), r.entry(ledger.Revoke, "b")))
	list := r.entries()
	if count(list, ledger.Revoke, "a") != 1 || count(list, ledger.Revoke, "b") != 1 || count(list, ledger.Role, "") != 3 {
		t.Errorf("%+v", list)
	}
}

func TestSettleBringsBackWhatACrashLost(t *testing.T) {
	r := newRig(t)
	kept := r.issue("kept")
	r.flush()
	lost := r.issue("lost")
	r.start()
	again := r.issue("again")
	rebuilt := 0
	settle := func(p journal.Position, jti string, final bool) {
		must(t, r.Settle(t.Context(), p, final, func() ledger.Entry { rebuilt++; return r.entry(ledger.Issue, jti) }))
	}
	for range 2 {
		settle(kept, "kept", true)
		settle(lost, "lost", false)
		settle(again, "again", false)
		settle(journal.Position{}, "never", true)
	}
	if rebuilt != 1 {
		t.Errorf("%d entries were rebuilt", rebuilt)
	}
	settle(lost, "lost", true)
	if s := r.Status(); s.Waiting != 0 {
		t.Errorf("a final settlement leaves %d entries waiting", s.Waiting)
	}
	r.start()
	settle(lost, "lost", true)
	list := r.entries()
	for _, jti := range []string{"kept", "lost", "again"} {
		if count(list, ledger.Issue, jti) != 1 {
			t.Errorf("%s: %+v", jti, list)
		}
	}
	for _, e := range list {
		if e.Recovered != (e.JTI == "lost") {
			t.Errorf("%+v", e)
		}
	}
}

// Ended properly, a journal loses nothing, and takes nothing more.
func TestClose(t *testing.T) {
	r := newRig(t)
	at := r.issue("a")
	must(t, r.Deny(t.Context(), ledger.Entry{Time: r.now, Type: ledger.Denial, Caller: "c", Code: "x"}))
	must(t, r.Deny(t.Context(), ledger.Entry{Time: r.now, Type: ledger.Denial, Caller: "c", Code: "x"}))
	must(t, r.Close(t.Context()))
	if _, err := r.Add(t.Context(), r.entry(ledger.Issue, "b")); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("a closed journal: %v", err)
	}
	r.start()
	must(t, r.Settle(t.Context(), at, true, func() ledger.Entry { t.Error("settled though it is there"); return ledger.Entry{} }))
	if list := r.entries(); len(list) != 3 || list[2].Count != 1 {
		t.Errorf("%+v", list)
	}
}

// Another node wrote to the ledger: what waits here is appended all the same,
// once, after what is there.
func TestForget(t *testing.T) {
	r, other := newRig(t), &rig{t: t}
	first := r.issue("first")
	other.disk, other.now = r.disk, r.now
	other.start()
	must(t, other.Record(t.Context(), other.entry(ledger.Role, "")))
	r.Forget()
	must(t, r.Settle(t.Context(), first, true, func() ledger.Entry { t.Error("it waits"); return ledger.Entry{} }))
	r.flush()
	other.start()
	must(t, other.Settle(t.Context(), first, true, func() ledger.Entry { t.Error("it is there"); return ledger.Entry{} }))
	if list := other.entries(); len(list) != 2 || list[1].JTI != "first" || list[1].Recovered {
		t.Errorf("%+v", list)
	}
}

func TestDenialsAreCounted(t *testing.T) {
	r := newRig(t)
	deny := func(caller, code string, n int) {
		for range n {
			must(t, r.Deny(t.Context(), ledger.Entry{Time: r.now, Type: ledger.Denial, Caller: caller, Code: code, Contract: "a", ContractID: "a"}))
		}
	}
	deny("eve", "caller_not_bound", 1000)
	deny("eve", "source_address", 1)
	r.flush()
	if list := r.entries(); len(list) != 2 || list[0].Count != 0 || list[0].Caller != "eve" {
		t.Fatalf("%+v", list)
	}
	r.now = r.now.Add(time.Minute)
	r.flush()
	if list := r.entries(); len(list) != 3 || list[2].Count != 999 || list[2].Code != "caller_not_bound" {
		t.Fatalf("%+v", list)
	}
	// Any number of callers takes bounded room, and none of their denials goes uncounted.
	for i := range 5000 {
		deny(fmt.Sprint("bot", i), "caller_not_bound", 2)
	}
	r.now = r.now.Add(time.Minute)
	r.flush()
	list := r.entries()[3:]
	total := uint64(0)
	for _, e := range list {
		total += max(1, e.Count)
	}
	if len(list) > 600 || total != 10_000 {
		t.Errorf("%d entries for %d denials", len(list), total)
	}
}

// Storage takes nothing for long: memory stays bounded, what has to be durable
// is refused, and what a lease carries is brought back by it.
func TestFullQueue(t *testing.T) {
	r := newRig(t)
	r.log()
	r.disk.fail = func() (bool, bool) { return false, true }
	var held []journal.Position
	for i := range 20_000 {
		held = append(held, r.issue(fmt.Sprint(i)))
	}
	if s := r.Status(); s.Waiting > 16_384 || s.Skipped != 20_000-uint64(s.Waiting) {
		t.Fatalf("%+v", s)
	}
	if err := r.Record(t.Context(), r.entry(ledger.Role, "")); err == nil || !strings.Contains(err.Error(), "too far behind") {
		t.Errorf("a full queue takes %v", err)
	}
	r.disk.fail = nil
	r.flush()
	if r.Status().Waiting > 0 {
		t.Fatal("the queue stays full")
	}
	for range 2 {
		for i, p := range held {
			must(t, r.Settle(t.Context(), p, false, func() ledger.Entry { return r.entry(ledger.Issue, fmt.Sprint(i)) }))
			if i%1000 == 0 {
				r.flush()
			}
		}
		r.flush()
		r.start()
	}
	list := r.entries()
	seen := map[string]bool{}
	for _, e := range list {
		seen[e.JTI] = true
	}
	if len(list) != 20_000 || len(seen) != 20_000 {
		t.Errorf("%d entries about %d of 20000 credentials", len(list), len(seen))
	}
}

func TestRotation(t *testing.T) {
	r := newRig(t)
	r.issue("a")
	r.flush()
	for n := range 3 {
		public, err := r.Rotate(t.Context())
		must(t, err)
		must(t, r.Record(t.Context(), r.entry(ledger.Key, "")))
		origin, keys, err := r.Keys(t.Context())
		must(t, err)
		if origin != "vault.example.com/v1/ramp" || len(keys) != 2 || keys[0].Text != public {
			t.Fatalf("%s %+v", origin, keys)
		}
		if n == 1 {
			r.start()
		}
	}
	if len(r.entries()) != 4 {
		t.Error("entries are missing")
	}
}

func TestPrune(t *testing.T) {
	r := newRig(t)
	for i := range 1000 {
		r.now = r.now.Add(time.Second)
		r.issue(fmt.Sprint(i))
	}
	r.flush()
	before := r.now.Add(-400 * time.Second)
	must(t, r.Prune(t.Context(), before))
	must(t, r.Prune(t.Context(), before))
	if list := r.entries(); len(list) != 1001-512 || list[len(list)-1].Before != 512 {
		t.Errorf("%d entries, the last is %+v", len(list), list[len(list)-1])
	}
	// A bundle that somebody else removed is not excused in passing.
	delete(r.disk.values, "tile/entries/002")
	r.now = r.now.Add(time.Hour)
	if err := r.Prune(t.Context(), r.now); err == nil || !strings.Contains(err.Error(), "from 512 on are missing") {
		t.Errorf("pruned what was not there: %v", err)
	}
}

// Interrupted anywhere, pruning is completed by the next.
func TestInterruptedPrune(t *testing.T) {
	for n := 1; n < 8; n++ {
		r := newRig(t)
		for i := range 800 {
			r.issue(fmt.Sprint(i))
		}
		r.flush()
		r.now = r.now.Add(time.Hour)
		changes := 0
		r.disk.fail = func() (bool, bool) { changes++; return changes < n, changes >= n }
		_ = r.Prune(t.Context(), r.now)
		r.disk.fail = nil
		r.start()
		must(t, r.Prune(t.Context(), r.now))
		must(t, r.Prune(t.Context(), r.now))
		if list := r.entries(); len(list) > 40 || !slices.ContainsFunc(list, func(e ledger.Entry) bool { return e.Before == 768 }) {
			t.Errorf("after %d changes: %d entries", n, len(list))
		}
	}
}

func TestNoLedgerYet(t *testing.T) {
	r := &rig{t: t, disk: &disk{}}
	r.start()
	if _, err := r.Add(context.Background(), ledger.Entry{}); !errors.Is(err, journal.ErrOff) {
		t.Errorf("%v", err)
	}
	must(t, r.Close(context.Background()))
}

func TestPositions(t *testing.T) {
	for _, text := range []string{"1", "1.", ".1", "01.1", "-1.1", "1.1.1", "0.0", " 1.1", "1.18446744073709551616"} {
		if p, err := journal.ParsePosition(text); err == nil {
			t.Errorf("%q is read as %v", text, p)
		}
	}
	for _, text := range []string{"", "1.1", "7.18446744073709551615"} {
		if p, err := journal.ParsePosition(text); err != nil || p.String() != text {
			t.Errorf("%q is read as %v, %v", text, p, err)
		}
	}
}

// What no lease can ask for any more does not burden the ledger for ever.
func TestWhatIsLostIsForgotten(t *testing.T) {
	r := newRig(t)
	r.log()
	at := r.issue("a")
	r.start()
	size := func() int { return len(r.log().Memo()) }
	r.log()
	after := size()
	r.now = r.now.Add(25 * time.Hour)
	r.issue("b")
	r.flush()
	if size() >= after {
		t.Errorf("the memo has %d bytes, had %d", size(), after)
	}
	must(t, r.Settle(t.Context(), at, true, func() ledger.Entry { t.Error("asked for after its end"); return ledger.Entry{} }))
}

// A key is not taken away before its successor has signed.
func TestRotationThatFails(t *testing.T) {
	r := newRig(t)
	r.issue("a")
	r.flush()
	_, err := r.Rotate(t.Context())
	must(t, err)
	if _, err := r.Rotate(t.Context()); err == nil || !strings.Contains(err.Error(), "not complete") {
		t.Errorf("a second rotation: %v", err)
	}
	r.start()
	r.issue("b")
	r.flush()
	_, err = r.Rotate(t.Context())
	must(t, err)
	r.issue("c")
	r.flush()
	if len(r.entries()) != 3 {
		t.Error("entries are missing")
	}
}

// A full queue stops no renewal, and a lease that ends makes room for its entry.
func TestSettlingWhenTheQueueIsFull(t *testing.T) {
	r := newRig(t)
	var last journal.Position
	for i := range 16_385 {
		last = r.issue(fmt.Sprint(i))
	}
	rebuild := func() ledger.Entry { return r.entry(ledger.Issue, "16384") }
	must(t, r.Settle(t.Context(), last, false, rebuild))
	must(t, r.Settle(t.Context(), last, true, rebuild))
	if list := r.entries(); len(list) != 16_385 || !list[16_384].Recovered {
		t.Errorf("%d entries", len(list))
	}
}

// An entry that is too long keeps what identifies it, and never stops the ledger.
func TestLongEntry(t *testing.T) {
	r := newRig(t)
	serial := uint64(7)
	for _, n := range []int{3000, 1 << 20} {
		e := r.entry(ledger.Revoke, fmt.Sprint("c.", n))
		e.ContractID, e.Serial, e.Expires, e.Reason = "c", &serial, 12, strings.Repeat("x", n)
		must(t, r.Record(context.Background(), e))
	}
	for _, e := range r.entries() {
		if e.ContractID != "c" || e.Serial == nil || e.Expires != 12 || e.JTI == "" || e.Reason != "the entry was too long" {
			t.Errorf("%+v", e)
		}
	}
}

// What two crashes lost is waited for even when Vault is down for longer than
// any lease lives: the leases come back once it is up.
func TestWhatIsLostOutlivesAnOutage(t *testing.T) {
	r := newRig(t)
	r.flush()
	lost := r.issue("lost")
	r.start()
	r.issue("kept")
	r.flush()
	r.start()
	r.now = r.now.Add(30 * 24 * time.Hour)
	r.issue("first after the outage")
	r.flush()
	must(t, r.Settle(context.Background(), lost, true, func() ledger.Entry { return r.entry(ledger.Issue, "lost") }))
	if n := count(r.entries(), ledger.Issue, "lost"); n != 1 {
		t.Errorf("the issue is in the ledger %d times", n)
	}
}
