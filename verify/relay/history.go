package relay

import (
	"sync"
	"time"
)

const (
	maxMessages = 512
	maxBytes    = 16 << 20 // of messages
	farBehind   = 8        // messages; a snapshot takes less than more of them
)

// message of the feed, signed by the issuer. It takes a follower that stands
// anywhere from after to cursor to cursor, because events may be heard twice;
// a snapshot takes any follower there.
type message struct {
	raw           []byte
	after, cursor uint64
	snapshot      bool
	heard         time.Time
}

// history is the last messages of the feed that said something new, each of
// which begins where the one before ends.
type history struct {
	mu       sync.Mutex
	cursor   uint64 // 0: nothing was heard yet
	messages []*message
	bytes    int
	last     *message // that was heard; it may say nothing
	snapshot *message // the newest one known
	grown    chan struct{}
}

// add appends what was heard next: it ends no earlier, and begins no later,
// than the history ends, or is a snapshot.
func (h *history) add(m *message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = m
	if m.snapshot {
		h.snapshot = m
	}
	if m.cursor == h.cursor {
		return
	}
	h.cursor = m.cursor
	if m.snapshot {
		h.messages, h.bytes = nil, 0
	} else {
		h.messages, h.bytes = append(h.messages, m), h.bytes+len(m.raw)
	}
	for len(h.messages) > maxMessages || h.bytes > maxBytes {
		h.bytes -= len(h.messages[0].raw)
		h.messages = append([]*message(nil), h.messages[1:]...)
	}
	close(h.grown)
	h.grown = make(chan struct{})
}

// keep remembers a snapshot that was asked for beside the feed.
func (h *history) keep(snapshot *message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.snapshot == nil || snapshot.heard.After(h.snapshot.heard) {
		h.snapshot = snapshot
	}
}

// start is where a follower may stand at least to be served from messages. The
// caller holds h.mu.
func (h *history) start() uint64 {
	if len(h.messages) > 0 {
		return h.messages[0].after
	}
	return h.cursor
}

// standing of a follower towards the history.
type standing int

const (
	behind   standing = iota // there is news for it
	upToDate                 // there is none
	ahead                    // it knows what this relay does not know yet
	lost                     // it needs a snapshot
)

func (s standing) String() string { return [...]string{"behind", "up to date", "ahead", "lost"}[s] }

// at returns how a follower at a cursor stands, the message for it (not when
// it is ahead or far behind), and what is closed when that changes.
func (h *history) at(cursor uint64) (standing, *message, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case cursor == 0 || cursor < h.start():
		return lost, nil, h.grown
	case cursor > h.cursor:
		return ahead, nil, h.grown
	case cursor == h.cursor:
		return upToDate, h.last, h.grown
	}
	for i := len(h.messages) - 1; i >= 0 && len(h.messages)-i <= farBehind; i-- {
		if h.messages[i].after <= cursor {
			return behind, h.messages[i], h.grown
		}
	}
	return lost, nil, h.grown
}

// snapshotFor is the newest snapshot known, nil when it takes a follower at
// a cursor no further, or not to where messages go on from.
func (h *history) snapshotFor(cursor uint64) *message {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.snapshot; s != nil && s.cursor >= h.start() && s.cursor > cursor {
		return s
	}
	return nil
}
