package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

func TestFind(t *testing.T) {
	k, m := newKey(t, origin), &memory{}
	l := k.open(t, m)
	grow(t, l, 5000, 256)
	late, err := ledger.Entry{Time: long.Add(1000 * time.Second), Type: ledger.Issue, JTI: "lost", Recovered: true}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), [][]byte{late}, nil); err != nil {
		t.Fatal(err)
	}
	find := func(jti string, at time.Time) string {
		index, e, err := ledger.Find(t.Context(), l, 5001, at, func(e *ledger.Entry) bool { return e.JTI == jti })
		if err != nil {
			t.Fatal(err)
		}
		if e == nil {
			return "none"
		}
		return fmt.Sprint(index, " ", e.JTI)
	}
	for _, i := range []int{0, 1, 255, 256, 2500, 4999} {
		jti := fmt.Sprintf("k3j2h4g5f6d7s8a9.%d", i)
		if got := find(jti, long.Add(time.Duration(i)*time.Second)); got != fmt.Sprint(i, " ", jti) {
			t.Errorf("found %s", got)
		}
	}
	if got := find("lost", long.Add(1000*time.Second)); got != "5000 lost" {
		t.Errorf("the recovered entry: %s", got)
	}
	if got := find("k3j2h4g5f6d7s8a9.7", long.Add(time.Hour)); got != "none" {
		t.Errorf("an entry long before the time: %s", got)
	}
	if err := l.Prune(t.Context(), 2560); err != nil {
		t.Fatal(err)
	}
	if got := find("k3j2h4g5f6d7s8a9.4000", long.Add(4000*time.Second)); got != "4000 k3j2h4g5f6d7s8a9.4000" {
		t.Errorf("after pruning: %s", got)
	}
}
