package verify

import (
	"strconv"
	"strings"
	"testing"
)

// The cache is bounded in tokens and in bytes, and what is used stays in it.
func TestCacheIsBounded(t *testing.T) {
	var c cache
	kept := &opened{}
	c.put("kept", kept)
	for n := range 5 * cacheTokens {
		c.put("token "+strconv.Itoa(n), &opened{})
		if size := c.size(); size > 2*cacheTokens {
			t.Fatalf("%d tokens after %d", size, n)
		}
		if n%1000 == 0 && c.get("kept") != kept {
			t.Fatalf("what is used was forgotten after %d", n)
		}
	}
	large := strings.Repeat("x", 16<<10)
	for n := range 5 * cacheBytes / len(large) {
		c.put(large+strconv.Itoa(n), &opened{})
		if c.bytes > cacheBytes {
			t.Fatalf("%d bytes in one half", c.bytes)
		}
	}
	if size, most := c.size(), 2*(cacheBytes/len(large)+1); size > most {
		t.Errorf("%d large tokens are kept, want at most %d", size, most)
	}
	c.drop("kept")
	if c.get("kept") != nil {
		t.Error("what is dropped is still there")
	}
}

// The bytes are those of what is kept, whatever is put twice or dropped.
func TestCacheCountsItsBytes(t *testing.T) {
	var c cache
	for n := range 3 * cacheTokens {
		raw := "token " + strconv.Itoa(n%20_000)
		c.put(raw, &opened{})
		if n%3 == 0 {
			c.drop(raw)
			c.drop(raw)
		}
		if n%5 == 0 {
			c.put(raw, &opened{})
		}
	}
	bytes := 0
	for raw := range c.young {
		bytes += len(raw)
	}
	if bytes != c.bytes {
		t.Errorf("%d bytes are kept and %d counted", bytes, c.bytes)
	}
}
