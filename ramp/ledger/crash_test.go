package ledger_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

var long = time.Unix(1_700_000_000, 0)

// Storage fails, or the process dies, at any change of storage, and the change may have happened or not. Whatever was
// acknowledged stays, in order and once; nothing appears that was not appended; every checkpoint ever read still holds.
func TestFaultsForkNothingAndLoseNothing(t *testing.T) {
	k := newKey(t, origin)
	rapid.Check(t, func(t *rapid.T) {
		m := &memory{}
		keys := []note.Verifier{k.Verifier}
		open := func() *ledger.Log {
			l, err := ledger.Open(t.Context(), m, keys, k.Signer)
			if err != nil {
				t.Fatalf("open: %v", err)
			}
			return l
		}
		l := open()
		var acknowledged, waiting [][]byte
		var seen []ledger.Checkpoint
		see := func() {
			signed, err := l.Read(t.Context(), ledger.CheckpointPath)
			if err != nil {
				t.Fatal(err)
			}
			cp, err := ledger.OpenCheckpoint(signed, keys...)
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, cp)
		}
		tried := 0 // entries of waiting that were part of an append that failed
		restart := func() {
			l = open()
			cp, _ := l.Checkpoint()
			kept := int(cp.Size) - len(acknowledged)
			if kept != 0 && kept != tried {
				t.Fatalf("of %d entries that were not acknowledged %d were kept", tried, kept)
			}
			acknowledged, waiting, tried = append(acknowledged, waiting[:kept]...), nil, 0
		}
		next := 0
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				for range rapid.IntRange(1, 200).Draw(t, "entries") {
					waiting = append(waiting, fmt.Appendf(nil, "entry %d", next))
					next++
				}
				countdown, happens, dies := rapid.IntRange(0, 12).Draw(t, "failing change"), rapid.Bool().Draw(t, "happens"), rapid.Bool().Draw(t, "dies")
				m.fail = func() (bool, bool) {
					countdown--
					switch {
					case countdown == 0:
						return happens, true
					case countdown < 0 && dies:
						return false, true
					}
					return true, false
				}
				batch := waiting[:min(len(waiting), ledger.MaxBatch)]
				if tried > 0 {
					batch = waiting[:tried]
				}
				_, err := l.Append(t.Context(), batch, nil)
				m.fail = nil
				if err == nil {
					acknowledged, waiting = append(acknowledged, batch...), waiting[len(batch):]
					tried = 0
				} else {
					tried = len(batch)
					if dies {
						restart()
					}
				}
				see()
			},
			"crash": func(t *rapid.T) {
				restart()
				see()
			},
			"": func(t *rapid.T) {
				cp, _ := l.Checkpoint()
				if int(cp.Size) != len(acknowledged) {
					t.Fatalf("the log has %d entries, %d were acknowledged", cp.Size, len(acknowledged))
				}
			},
		})
		restart()
		i := 0
		r, err := (&ledger.Audit{Log: l, Keys: keys, Known: seen, Each: func(index int64, entry []byte) error {
			if int(index) != i || !bytes.Equal(entry, acknowledged[i]) {
				t.Fatalf("entry %d is %q, want %q", index, entry, acknowledged[i])
			}
			i++
			return nil
		}}).Run(t.Context())
		if err != nil || len(r.Findings) > 0 || i != len(acknowledged) {
			t.Fatalf("%d of %d entries, %+v, %v", i, len(acknowledged), r, err)
		}
	})
}
