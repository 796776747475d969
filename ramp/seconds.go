package ramp

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Seconds is a duration in whole seconds, Vault's unit for time to live. In
// JSON it is a number, and "90s", "15m" or "24h" are read too.
type Seconds int64

// Duration is s as a time.Duration.
func (s Seconds) Duration() time.Duration { return time.Duration(s) * time.Second }

// UnmarshalJSON implements json.Unmarshaler.
func (s *Seconds) UnmarshalJSON(text []byte) error {
	var word string
	if json.Unmarshal(text, &word) != nil {
		word = string(text)
	}
	if n, err := strconv.ParseInt(word, 10, 64); err == nil {
		*s = Seconds(n)
		return nil
	}
	d, err := time.ParseDuration(word)
	if err != nil {
		return fmt.Errorf("%.40q is not a duration such as 90s, 15m or 24h, or a number of seconds", word)
	}
	*s = Seconds(d / time.Second)
	return nil
}
