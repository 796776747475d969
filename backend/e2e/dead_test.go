package e2e_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

// statusList reads a token status list as draft-ietf-oauth-status-list says, sections 4.1, 5.1 and 8: this decoder
// shares nothing with Ramp's own.
func (r *rig) statusList(t *testing.T, uri string) []byte {
	t.Helper()
	_, path, found := strings.Cut(uri, "/v1/") // which any node of a cluster serves
	if !found {
		t.Fatalf("status list at %s", uri)
	}
	body, contentType := r.public(t, path)
	if contentType != "application/statuslist+jwt" {
		t.Fatalf("content type of a status list is %q", contentType)
	}
	var claims struct {
		Sub  string `json:"sub"`
		IAT  int64  `json:"iat"`
		Exp  int64  `json:"exp"`
		TTL  int64  `json:"ttl"`
		List struct {
			Bits int    `json:"bits"`
			Lst  string `json:"lst"`
		} `json:"status_list"`
	}
	if err := json.Unmarshal(r.open(t, string(body), "statuslist+jwt"), &claims); err != nil {
		t.Fatal(err)
	}
	if claims.Sub != uri || claims.List.Bits != 1 || claims.TTL <= 0 || claims.Exp <= claims.IAT || claims.IAT > time.Now().Unix() {
		t.Fatalf("status list %s claims %+v", uri, claims)
	}
	packed, err := base64.RawURLEncoding.DecodeString(claims.List.Lst)
	if err != nil {
		t.Fatal(err)
	}
	unpack, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	list, err := io.ReadAll(unpack)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// bit is the status at an index: bits fill each byte from the least significant one on.
func bit(t *testing.T, list []byte, index uint64) bool {
	t.Helper()
	if index/8 >= uint64(len(list)) {
		t.Fatalf("index %d is outside of a status list of %d bytes", index, len(list))
	}
	return list[index/8]>>(index%8)&1 == 1
}

func (r *rig) statusBit(t *testing.T, c creds) bool {
	t.Helper()
	return bit(t, r.statusList(t, c.Status.List.URI), c.Status.List.Index)
}

// feed reads the feed from a cursor on, "" for a snapshot.
func (r *rig) feed(t *testing.T, after string) revocation.Feed {
	t.Helper()
	body, _ := r.public(t, "ramp/feed", "after", after)
	var message revocation.Feed
	if err := json.Unmarshal(r.open(t, string(body), token.TypeFeed), &message); err != nil {
		t.Fatal(err)
	}
	return message
}

// cursor is what a follower asks with after it has seen a message.
func cursor(message revocation.Feed) string { return strconv.FormatUint(message.Cursor, 10) }

// deadInFeed says why a follower that starts now refuses the credential, "" when it does not.
func (r *rig) deadInFeed(t *testing.T, c creds) string {
	t.Helper()
	snapshot := r.feed(t, "")
	var known revocation.State
	if err := known.Apply(&snapshot); err != nil {
		t.Fatal(err)
	}
	_, serial, err := token.ParseID(c.ID)
	if err != nil {
		t.Fatal(err)
	}
	return known.Dead(revocation.Credential{
		Contract: c.contractID(), Serial: serial, Caller: token.CallerHash(c.ClientID), IssuedAt: c.IssuedAt, KeyID: c.KeyID,
	}, time.Now().Unix())
}

// introspect asks the mount about a token.
func (r *rig) introspect(t *testing.T, raw string) fields {
	t.Helper()
	return r.write(t, "introspect", fields{"token": raw})
}

// wantAlive fails the test unless feed, introspection and status list, if any, call the credential alive.
func (r *rig) wantAlive(t *testing.T, c creds) {
	t.Helper()
	if why := r.deadInFeed(t, c); why != "" {
		t.Errorf("%s should be alive, but in the feed %s", c.ID, why)
	}
	if answer := r.introspect(t, c.Token); answer["active"] != true {
		t.Errorf("%s should be alive, introspection says %v", c.ID, answer)
	}
	if c.Status != nil && r.statusBit(t, c) {
		t.Errorf("%s should be alive, its status bit is set", c.ID)
	}
}

// wantDead fails the test unless feed, introspection and status list all call the credential dead. A status list is
// signed at most once a second, so its bit may follow a moment later.
func (r *rig) wantDead(t *testing.T, c creds) {
	t.Helper()
	if r.deadInFeed(t, c) == "" {
		t.Errorf("%s should be dead, the feed does not say so", c.ID)
		return
	}
	if answer := r.introspect(t, c.Token); answer["active"] != false || len(answer) != 1 {
		t.Errorf("%s should be dead, introspection says %v", c.ID, answer)
		return
	}
	if c.Status != nil {
		eventually(t, "the status bit of "+c.ID, func() bool { return r.statusBit(t, c) })
	}
}

// eventually polls until done reports true, and ends the test when patience runs out.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s", patience, what)
		}
	}
}

// wantRefused fails the test unless err is an HTTP answer with this status whose text contains all of words.
func wantRefused(t *testing.T, err error, status int, words ...string) {
	t.Helper()
	var answer *api.ResponseError
	if !errors.As(err, &answer) {
		t.Errorf("want HTTP %d, got %v", status, err)
		return
	}
	text := strings.Join(answer.Errors, "\n")
	if answer.StatusCode != status {
		t.Errorf("want HTTP %d, got %d: %s", status, answer.StatusCode, text)
	}
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("the error does not say %q:\n%s", word, text)
		}
	}
}

// wantDenied fails the test unless err is a denial with this code.
func wantDenied(t *testing.T, err error, code string) {
	t.Helper()
	wantRefused(t, err, 403, "denied: ", "("+code+")")
}
