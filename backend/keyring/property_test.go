package keyring_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/keyring"
)

// signed is a token that somebody holds.
type signed struct {
	kid string
	at  time.Time
}

// Whatever operators do, and whenever: exactly one key signs, it has been
// published for the activation delay (but for the first two keys of a set and
// for successors of compromised ones), and it stays published until its last
// token has expired.
func TestAnyOrderOfOperations(t *testing.T) {
	const life = 2 * time.Hour
	horizon := func(at time.Time) time.Time { return at.Add(life) }
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
		ring := keyring.New(func() time.Time { return now })
		set, err := keyring.NewSet("Ed25519", 3600, 600, now)
		if err != nil {
			t.Fatal(err)
		}
		ring.Put("a", set)
		known := map[string]time.Time{} // kid → since when any verifier knows it
		excused := map[string]bool{}    // kid → may sign without notice
		for _, v := range set.Versions {
			known[v.KeyID], excused[v.KeyID] = now, true
		}
		var held []signed
		revoked := map[string]bool{}
		change := func(s *keyring.Set, err error) {
			if err != nil {
				t.Fatal(err)
			}
			set = s
			ring.Put("a", s)
			for _, v := range s.Versions {
				if _, ok := known[v.KeyID]; !ok {
					known[v.KeyID] = now
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"rotate": func(t *rapid.T) {
				if len(set.Versions) > 40 {
					t.Skip("enough keys")
				}
				s, _, err := set.Rotated(now)
				change(s, err)
			},
			"tune": func(t *rapid.T) {
				change(set.Tuned(3600, set.ActivationDelay+60), nil) // a shorter delay is a promise broken by the operator
			},
			"switch": func(t *rapid.T) { change(set.Switched("Ed25519", now)) },
			"replace": func(t *rapid.T) {
				if len(set.Versions) > 40 {
					t.Skip("enough keys")
				}
				change(set.Replaced("Ed25519", now))
				for i, v := range set.Versions {
					if i >= len(set.Versions)-2 {
						excused[v.KeyID] = true
					}
				}
			},
			"prune": func(t *rapid.T) {
				s, _ := set.Pruned(now, horizon)
				change(s, nil)
			},
			"compromise": func(t *rapid.T) {
				i := rapid.IntRange(0, len(set.Versions)-1).Draw(t, "i")
				kid := set.Versions[i].KeyID
				revoked[kid] = true
				signing := set.Signs(now).KeyID == kid
				change(set.Without(kid, now))
				if signing {
					excused[set.Signs(now).KeyID] = true
				}
			},
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.Int64Range(1, 8000).Draw(t, "seconds")) * time.Second)
			},
			"": func(t *rapid.T) {
				current := 0
				for i := range set.Versions {
					if set.State(i, now) == keyring.Current {
						current++
					}
				}
				if current != 1 || set.State(len(set.Versions)-1, now) != keyring.Next {
					t.Fatalf("%d keys are current; the last is %s", current, set.State(len(set.Versions)-1, now))
				}
				_, kid, err := ring.Sign("a", "JWT", []byte("x"))
				if err != nil || revoked[kid] {
					t.Fatalf("signed with %s, revoked %t, %v", kid, revoked[kid], err)
				}
				if notice := now.Sub(known[kid]); !excused[kid] && notice < 600*time.Second {
					t.Fatalf("a key signs that verifiers could know for %s", notice)
				}
				held = append(held, signed{kid, now})
				for _, token := range held {
					_, published := ring.Public(token.kid)
					if !published && !revoked[token.kid] && !now.After(horizon(token.at)) {
						t.Fatalf("a token of %s is alive until %s, its key is gone", token.at, horizon(token.at))
					}
					if published && revoked[token.kid] {
						t.Fatal("a compromised key is published")
					}
				}
			},
		})
	})
}
