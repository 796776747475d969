package revocation_test

import (
	"encoding/json"
	"fmt"

	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
)

// A small world, in which everything has a chance to meet everything.
var (
	contracts = []string{"a", "b"}
	serials   = []uint64{0, 1, 2, 511, 512, revocation.ListSize - 1, revocation.ListSize, revocation.ListSize + 1, 3 * revocation.ListSize}
	callers   = []string{"x", "y"}
	kids      = []string{"k", "l"}
	issued    = []int64{1000, 2000}
)

// today is when the tests ask; planned floors hold from before or after it.
const today = 3000

func everyCredential() []revocation.Credential {
	var all []revocation.Credential
	for _, contract := range contracts {
		for _, serial := range serials {
			for _, caller := range callers {
				for _, at := range issued {
					for _, kid := range kids {
						all = append(all, revocation.Credential{Contract: contract, Serial: serial, Caller: caller, IssuedAt: at, KeyID: kid})
					}
				}
			}
		}
	}
	return all
}

func anyEvent(t *rapid.T) revocation.Event {
	e := revocation.Event{Until: rapid.Int64Range(5000, 5009).Draw(t, "until")}
	switch rapid.IntRange(0, 6).Draw(t, "type") {
	case 0, 1:
		e.Type, e.Contract, e.Serial = revocation.EventSerial, pick(t, contracts), pick(t, serials)
	case 2:
		e.Type, e.Contract, e.Floor = revocation.EventFloor, pick(t, contracts), pick(t, serials)+1
	case 3:
		e.Type, e.Contract, e.Floor, e.Caller = revocation.EventFloor, pick(t, contracts), pick(t, serials)+1, pick(t, callers)
	case 4:
		e.Type, e.Caller, e.Before = revocation.EventCaller, pick(t, callers), pick(t, issued)+1
	case 5:
		e.Type, e.Contract, e.Floor, e.From = revocation.EventFloor, pick(t, contracts), pick(t, serials)+1, pick(t, []int64{2500, today, 3500})
	case 6:
		e.Type, e.KeyID = revocation.EventKey, pick(t, kids)
	}
	return e
}

func pick[T any](t *rapid.T, from []T) T { return rapid.SampledFrom(from).Draw(t, "pick") }

// kills is what an event says, in so many words.
func kills(e revocation.Event, c revocation.Credential) bool {
	switch e.Type {
	case revocation.EventSerial:
		return c.Contract == e.Contract && c.Serial == e.Serial
	case revocation.EventFloor:
		return c.Contract == e.Contract && c.Serial < e.Floor && e.From <= today && (e.Caller == "" || e.Caller == c.Caller)
	case revocation.EventCaller:
		return c.Caller == e.Caller && c.IssuedAt < e.Before
	case revocation.EventKey:
		return c.KeyID == e.KeyID
	}
	return false
}

func dead(s *revocation.State) map[revocation.Credential]bool {
	list := map[revocation.Credential]bool{}
	for _, c := range everyCredential() {
		if s.Dead(c, today) != "" {
			list[c] = true
		}
	}
	return list
}

// sent is a message after its way over the wire.
func sent(t *rapid.T, f revocation.Feed) *revocation.Feed {
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var got revocation.Feed
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	return &got
}

func missing(of, in map[revocation.Credential]bool) string {
	for c := range of {
		if !in[c] {
			return fmt.Sprintf("%+v", c)
		}
	}
	return ""
}
