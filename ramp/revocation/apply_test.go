package revocation_test

import (
	"encoding/json"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
)

// FuzzApply: whatever a message says, it revives nothing, saying it twice
// changes nothing, and a snapshot of what is known then says the same.
func FuzzApply(f *testing.F) {
	list := revocation.NewList()
	list[0] = 0b1000_0001
	for _, m := range []revocation.Feed{
		{Events: []revocation.Event{{Type: revocation.EventSerial, Contract: "a", Serial: 7, Until: 99}, {Type: revocation.EventFloor, Contract: "a", Floor: 5, Until: 99}}},
		{Events: []revocation.Event{{Type: revocation.EventFloor, Contract: "a", Floor: 9, From: 60, Until: 99}, {Type: revocation.EventFloor, Contract: "a", Caller: "c", Floor: 9}}},
		{Events: []revocation.Event{{Type: revocation.EventCaller, Caller: "c", Before: 50, Until: 99}, {Type: revocation.EventKey, KeyID: "k", Until: 99}}},
		{Snapshot: true, Lists: []revocation.Chunk{{Contract: "a", List: list.Encode(), Until: 99}, {Contract: "a", N: 1 << 46, List: list.Encode()}}},
		{Events: []revocation.Event{{Type: "other"}, {Type: revocation.EventCaller, Before: -1}}},
	} {
		text, err := json.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, uint64(7))
	}
	f.Add([]byte(`{"events":[{"type":"serial","serial":18446744073709551615}],"lists":[{"lst":"eJwDAAAAAAE"}]}`), uint64(1<<64-1))
	f.Fuzz(func(t *testing.T, text []byte, serial uint64) {
		var m revocation.Feed
		if json.Unmarshal(text, &m) != nil {
			return
		}
		probes := probes(&m, serial)
		var s, copied revocation.State
		for _, e := range []revocation.Event{{Type: revocation.EventSerial, Contract: "a", Serial: serial}, {Type: revocation.EventKey, KeyID: "dead"}} {
			if _, err := s.Add(e); err != nil {
				t.Fatal(err)
			}
		}
		before := answers(&s, probes)
		first := s.Apply(&m)
		once := answers(&s, probes)
		if second := s.Apply(&m); (first == nil) != (second == nil) {
			t.Fatalf("applied twice: %v, then %v", first, second)
		}
		twice := answers(&s, probes)
		snapshot := s.Snapshot()
		if err := copied.Apply(&snapshot); err != nil {
			t.Fatalf("a snapshot cannot be applied: %v", err)
		}
		copies := answers(&copied, probes)
		for i := range once {
			p := probes[i%len(probes)]
			switch {
			case before[i] && !once[i]:
				t.Fatalf("%+v was revived by %s", p, text)
			case once[i] != twice[i]:
				t.Fatalf("%+v is dead: %t, then %t", p, once[i], twice[i])
			case copies[i] != twice[i]:
				t.Fatalf("%+v is dead: %t, by a snapshot: %t", p, twice[i], copies[i])
			}
		}
	})
}

// probes are credentials at and around what a message names.
func probes(m *revocation.Feed, serial uint64) []revocation.Credential {
	all := []revocation.Credential{{Contract: "a", Serial: serial}, {Contract: "a", Serial: serial, KeyID: "dead"}}
	add := func(contract, caller, key string, serial uint64, issued int64) {
		for _, n := range []uint64{serial, serial + 1, serial - 1} {
			all = append(all, revocation.Credential{Contract: contract, Caller: caller, KeyID: key, Serial: n, IssuedAt: issued})
		}
	}
	for _, e := range m.Events {
		add(e.Contract, e.Caller, "", e.Serial, e.Before)
		add(e.Contract, e.Caller, "", e.Floor, e.Before-1)
		add(e.Contract, "", e.KeyID, serial, e.Before+1)
	}
	for _, c := range m.Lists {
		add(c.Contract, "", "", c.N*revocation.ListSize+serial%revocation.ListSize, 0)
	}
	return all
}

func answers(s *revocation.State, probes []revocation.Credential) []bool {
	var all []bool
	for _, now := range []int64{0, 50, 1 << 62} {
		for _, p := range probes {
			all = append(all, s.Dead(p, now) != "")
		}
	}
	return all
}
