package journal

import (
	"fmt"
	"strconv"
	"strings"
)

// Position is the place of an entry in the journal: the epoch, which is new
// each time a journal is opened, and a number that grows by one from 1. Whoever
// holds the position of an entry can ask for good whether the ledger has it.
type Position struct {
	Epoch, Number uint64
}

func (p Position) String() string {
	if p == (Position{}) {
		return ""
	}
	return fmt.Sprintf("%d.%d", p.Epoch, p.Number)
}

// ParsePosition reads what String wrote; "" is the zero Position.
func ParsePosition(text string) (p Position, err error) {
	if text == "" {
		return p, nil
	}
	epoch, number, _ := strings.Cut(text, ".")
	if p.Epoch, err = strconv.ParseUint(epoch, 10, 64); err == nil {
		p.Number, err = strconv.ParseUint(number, 10, 64)
	}
	if err != nil || p.String() != text {
		return Position{}, fmt.Errorf("%.40q is not a position in the journal", text)
	}
	return p, nil
}
