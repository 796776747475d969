package relay

import (
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"
)

// Whatever the issuer says, and however far behind followers are, following
// the answers leads each of them to everything, without a gap and never back.
func TestHistoryLeadsEverybodyToEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &history{grown: make(chan struct{})}
		cursor := uint64(1) << 32
		say := func(m *message) {
			m.raw = binary.BigEndian.AppendUint64(nil, m.cursor)
			h.add(m)
		}
		say(&message{cursor: cursor, snapshot: true})
		followers := make([]uint64, 5) // 0: new
		ask := func(i int) {
			stands, m, _ := h.at(followers[i])
			switch stands {
			case ahead:
				t.Fatalf("a follower at %d is ahead of %d", followers[i], cursor)
			case lost:
				if m = h.snapshotFor(followers[i]); m == nil { // the relay asks the issuer then
					m = &message{cursor: cursor, snapshot: true}
					h.keep(m)
				}
			}
			if !m.snapshot && m.after > followers[i] {
				t.Fatalf("a follower at %d was given %d to %d", followers[i], m.after, m.cursor)
			}
			if m.cursor < followers[i] || m.cursor == followers[i] && followers[i] != cursor {
				t.Fatalf("a follower at %d of %d was given %d to %d", followers[i], cursor, m.after, m.cursor)
			}
			followers[i] = m.cursor
		}
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			switch rapid.IntRange(0, 6).Draw(t, "step") {
			case 0, 1, 2: // news, which may say again what is known
				after := cursor - min(uint64(rapid.IntRange(0, 2).Draw(t, "again")), cursor&0xffffffff)
				cursor += uint64(rapid.IntRange(0, 3).Draw(t, "news"))
				say(&message{after: after, cursor: cursor})
			case 3: // a restart of the issuer
				cursor = (cursor>>32 + 1) << 32
				say(&message{cursor: cursor, snapshot: true})
			case 4: // a snapshot because this relay missed something
				cursor += uint64(rapid.IntRange(0, 3).Draw(t, "missed"))
				say(&message{cursor: cursor, snapshot: true})
			default:
				ask(rapid.IntRange(0, len(followers)-1).Draw(t, "follower"))
			}
		}
		for i := range followers {
			for steps := 0; followers[i] != cursor; steps++ {
				if ask(i); steps > farBehind+1 {
					t.Fatalf("a follower needs more than %d answers", steps)
				}
			}
		}
	})
}

func TestHistoryIsBounded(t *testing.T) {
	h := &history{grown: make(chan struct{})}
	h.add(&message{cursor: 1, snapshot: true})
	big := make([]byte, maxBytes/100)
	for i := uint64(1); i < 10*maxMessages; i++ {
		h.add(&message{raw: big, after: i, cursor: i + 1})
	}
	if len(h.messages) != 100 || h.bytes > maxBytes {
		t.Errorf("%d messages, %d bytes", len(h.messages), h.bytes)
	}
	if stands, _, _ := h.at(2); stands != lost {
		t.Errorf("a follower from long ago is %s", stands)
	}
}
