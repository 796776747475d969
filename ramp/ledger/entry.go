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
	Revoke  = "revoke"  // it died: its lease ended or was revoked, or it was revoked by floor, caller or token
	Denial  = "denial"  // a request was refused; Count of them when they were many
	Deploy  = "deploy"  // a generation began
	Stage   = "stage"   // a caller moved along the ramp
	Suspend = "suspend" // of a contract, a service or a caller
	Resume  = "resume"
	Config  = "config" // settings were written
	Key     = "key"    // a key set, or the ledger's own key, was written, rotated, revoked or deleted
	Service = "service"
	Role    = "role" // a contract was written or deleted
	Consent = "consent"
	Prune   = "prune" // bodies of the entries before Before were dropped
)

// Entry is one event of the log, a JSON object. Empty members are left out.
// It never holds a token, a secret or a proof key.
type Entry struct {
	Version int       `json:"v"`
	Time    time.Time `json:"time"` // RFC 3339, UTC, milliseconds: when it happened
	Type    string    `json:"type"`
	Action  string    `json:"action,omitempty"` // what was done to it: write, delete, rotate, revoke, …

	Contract   string  `json:"contract,omitempty"`
	ContractID string  `json:"contract_id,omitempty"`
	Service    string  `json:"service,omitempty"`
	Name       string  `json:"name,omitempty"`     // of a key set
	Revision   string  `json:"revision,omitempty"` // of the contract's terms
	Caller     string  `json:"caller,omitempty"`   // Vault entity id
	JTI        string  `json:"jti,omitempty"`
	Serial     *uint64 `json:"serial,omitempty"`
	Floor      *uint64 `json:"floor,omitempty"` // every serial below is dead
	KeyID      string  `json:"kid,omitempty"`
	Scopes     string  `json:"scopes,omitempty"` // separated by spaces
	Stage      string  `json:"stage,omitempty"`
	From       string  `json:"from,omitempty"` // stage left
	Generation string  `json:"generation,omitempty"`
	Expires    int64   `json:"exp,omitempty"` // NumericDate
	Address    string  `json:"address,omitempty"`

	Code   string `json:"code,omitempty"` // of a denial
	Reason string `json:"reason,omitempty"`
	Count  uint64 `json:"count,omitempty"` // of equal denials, when more than one

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
