package ledger_test

import (
	"bytes"
	"encoding/base64"
	"reflect"
	"strings"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

func decode64(t *testing.T, text string) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func FuzzEntry(f *testing.F) {
	f.Add([]byte(`{"v":1,"time":"2026-11-22T10:00:00.123Z","type":"issue","contract":"a","serial":0,"recovered":true}`))
	f.Add([]byte(`{"v":2,"time":"2026-11-22T10:00:00Z","type":"issue"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := ledger.ParseEntry(text)
		if err != nil {
			return
		}
		again, err := e.Marshal()
		if err != nil {
			return // longer than it was: characters that JSON escapes
		}
		back, err := ledger.ParseEntry(again)
		if err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		if once, err := back.Marshal(); err != nil || string(once) != string(again) {
			t.Fatalf("%s, then %s, %v", again, once, err)
		}
	})
}

func FuzzCheckpoint(f *testing.F) {
	k := keyFrom(f, bytes.NewReader(make([]byte, 64)), origin)
	signed, err := ledger.Checkpoint{Origin: origin, Size: 3}.Sign(k.Signer)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(signed))
	f.Add("a\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n")
	f.Add("a\n-1\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := ledger.ParseCheckpoint(text); err == nil && !strings.HasPrefix(text, c.Body()) {
			t.Fatalf("%q is read as %+v", text, c)
		}
		if c, err := ledger.OpenCheckpoint([]byte(text), k.Verifier); err == nil && c.Body() != (ledger.Checkpoint{Origin: origin, Size: 3}).Body() {
			t.Fatalf("a checkpoint nobody signed: %+v", c)
		}
	})
}

func TestEntriesThatAreNone(t *testing.T) {
	for text, want := range map[string]string{
		``:                   "JSON",
		`{}`:                 "version 0",
		`{"v":2}`:            "version 2",
		`{"v":1}`:            "no type",
		`{"v":1,"type":"x"}`: "no time",
		`{"v":1,"type":"issue","time":"2026-11-22T10:00:00Z","serial":-1}`: "JSON",
		strings.Repeat(" ", ledger.MaxEntry+1):                             "limit",
	} {
		if _, err := ledger.ParseEntry([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %q", text, err, want)
		}
	}
	if _, err := (ledger.Entry{Time: long, Type: ledger.Issue, Reason: strings.Repeat("x", ledger.MaxEntry)}).Marshal(); err == nil {
		t.Error("an entry may be longer than it can be stored")
	}
}

// A reader of this version reads what a later program adds.
func TestUnknownMembersAreIgnored(t *testing.T) {
	e, err := ledger.ParseEntry([]byte(`{"v":1,"time":"2026-11-22T10:00:00Z","type":"later","colour":"red"}`))
	if err != nil || e.Type != "later" {
		t.Errorf("%+v, %v", e, err)
	}
}

// No member of an entry is one in which a secret would be put.
func TestEntryHasNoPlaceForSecrets(t *testing.T) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[ledger.Entry]()) {
		for _, word := range []string{"token", "secret", "private", "jkt", "proof", "public_key"} {
			if strings.Contains(strings.ToLower(f.Name+f.Tag.Get("json")), word) {
				t.Errorf("field %s", f.Name)
			}
		}
	}
}
