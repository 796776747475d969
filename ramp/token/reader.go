package token

import (
	"strings"
	"sync"
)

const maxHeaders = 256

// Reader opens tokens as [Open] does, and remembers what the headers said that
// bore a good signature: all tokens of one key and type have the same. It is
// safe for concurrent use.
type Reader struct {
	Keys Keys

	mu      sync.RWMutex
	headers map[string]Header // by their encoded text
}

// Open is [Open] with the reader's keys.
func (r *Reader) Open(raw string, types ...string) (Header, []byte, error) {
	parts, err := split(raw, MaxSize)
	if err != nil {
		return Header{}, nil, unacceptable(err)
	}
	r.mu.RLock()
	h, known := r.headers[parts.header]
	r.mu.RUnlock()
	if !known {
		if h, err = decodeHeader(parts.header); err != nil {
			return Header{}, nil, unacceptable(err)
		}
	}
	payload, err := parts.verify(&h, r.Keys, types)
	if err == nil && !known {
		r.remember(parts.header, h)
	}
	return h, payload, err
}

func (r *Reader) remember(encoded string, h Header) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.headers == nil || len(r.headers) >= maxHeaders {
		r.headers = make(map[string]Header)
	}
	r.headers[strings.Clone(encoded)] = h // not the whole token with it
}
