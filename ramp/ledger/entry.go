package ledger

import (
	"encoding/json"
	"fmt"
	"time"
)

// Version of the entry schema. Within a version fields may be added, so readers
// ignore those they do not know; a change of meaning takes a new version.
const Version = 1

// MaxEntry is the longest entry in bytes: tlog-tiles has two bytes for it.
const MaxEntry = 1<<16 - 1

// Types of entries. Readers must expect others.
const (
	Issue   = "issue"   // a credential was minted
	Renew   = "renew"   // its lease was renewed
	Revoke  = "revoke"  // a credential that was alive was killed, or its lease ended
	Denial  = "denial"  // a request was refused
	Deploy  = "deploy"  // a generation began
	Stage   = "stage"   // a caller came to another stage
	Role    = "role"    // of a contract: write, delete, suspend, resume, revoke
	Service = "service" // write, delete, suspend, resume
	Consent = "consent" // give, withdraw
	Caller  = "caller"  // suspend, resume
	Key     = "key"     // of a key set, or of the ledger itself: write, rotate, revoke, retire, delete
	Config  = "config"  // write
	Prune   = "prune"   // the bodies of the entries before Before were dropped
)

// Entry is one event of the log, a JSON object. Empty members are left out.
// It never holds a token, a secret or a proof key.
type Entry struct {
	Version int       `json:"v"`
	Time    time.Time `json:"time"` // RFC 3339, UTC, milliseconds: when it happened
	Type    string    `json:"type"`
	Action  string    `json:"action,omitempty"` // what was done to it; of a denial, issue or renew

	Contract   string  `json:"contract,omitempty"`
	ContractID string  `json:"contract_id,omitempty"`
	Service    string  `json:"service,omitempty"`
	Name       string  `json:"name,omitempty"`     // of a key set
	Revision   string  `json:"revision,omitempty"` // of the contract's terms
	Caller     string  `json:"caller,omitempty"`   // Vault entity id
	JTI        string  `json:"jti,omitempty"`
	Serial     *uint64 `json:"serial,omitempty"`
	KeyID      string  `json:"kid,omitempty"`
	Scopes     string  `json:"scopes,omitempty"` // separated by spaces
	Stage      string  `json:"stage,omitempty"`
	From       string  `json:"from,omitempty"` // stage, revision or generation before
	Generation string  `json:"generation,omitempty"`
	Expires    int64   `json:"exp,omitempty"` // NumericDate

	Code   string `json:"code,omitempty"` // of a denial
	Reason string `json:"reason,omitempty"`
	Count  uint64 `json:"count,omitempty"` // of denials that this entry stands for, 0 for one

	RequestID string `json:"request_id,omitempty"` // Vault's, which joins audit devices
	Actor     string `json:"actor,omitempty"`      // Vault entity id of whoever did it
	Position  string `json:"position,omitempty"`   // in the journal, as the lease has it
	Recovered bool   `json:"recovered,omitempty"`  // a crash lost it; a lease brought it back
	Before    int64  `json:"before,omitempty"`     // of a prune: index of the first entry that kept its body
}

// Marshal returns the bytes that go into the log.
func (e Entry) Marshal() ([]byte, error) {
	e.Version = Version
	e.Time = e.Time.UTC().Truncate(time.Millisecond)
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	if len(text) > MaxEntry {
		return nil, fmt.Errorf("entry has %d bytes, the limit is %d", len(text), MaxEntry)
	}
	return text, nil
}

// ParseEntry reads an entry. It refuses what has no type or time, and versions
// that it does not know.
func ParseEntry(text []byte) (*Entry, error) {
	if len(text) > MaxEntry {
		return nil, fmt.Errorf("entry has %d bytes, the limit is %d", len(text), MaxEntry)
	}
	var e Entry
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, fmt.Errorf("entry is no JSON object as documented: %w", err)
	}
	switch {
	case e.Version != Version:
		return nil, fmt.Errorf("entry has version %d, this program knows %d", e.Version, Version)
	case e.Type == "":
		return nil, fmt.Errorf("entry has no type")
	case e.Time.IsZero():
		return nil, fmt.Errorf("entry has no time")
	}
	return &e, nil
}
