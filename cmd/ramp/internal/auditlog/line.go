// Package auditlog reads the files of Vault audit devices and joins them with
// a ledger by request ID.
package auditlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Line is what the join needs of one line of an audit device in JSON.
type Line struct {
	Time  time.Time `json:"time"`
	Type  string    `json:"type"`  // request or response
	Error string    `json:"error"` // empty when the request did what it asked for

	Request struct {
		ID        string `json:"id"` // never hashed
		Operation string `json:"operation"`
		Path      string `json:"path"`
		Namespace struct {
			Path string `json:"path"`
		} `json:"namespace"`
	} `json:"request"`
	Response struct {
		Secret struct {
			LeaseID string `json:"lease_id"`
		} `json:"secret"`
	} `json:"response"`
}

// Parse reads a line. What the device was told to put before the JSON is
// ignored.
func Parse(text []byte) (*Line, error) {
	if at := bytes.IndexByte(text, '{'); at > 0 {
		text = text[at:]
	}
	l := &Line{}
	if err := json.Unmarshal(text, l); err != nil {
		return nil, errors.New("not a line of an audit device in JSON")
	}
	if l.Request.ID == "" || l.Time.IsZero() {
		return nil, errors.New("it has no request.id or no time")
	}
	return l, nil
}

// Done reports whether the line says that a request was answered without error.
func (l *Line) Done() bool { return l.Type == "response" && l.Error == "" }

// below returns the path below a mount of a namespace.
func (l *Line) below(namespace, mount string) (string, bool) {
	if strings.Trim(l.Request.Namespace.Path, "/") != namespace {
		return "", false
	}
	return strings.CutPrefix(l.Request.Path, mount+"/")
}

// Recorded reports whether the line is about something that the ledger of a
// mount has under its request ID: an issue, or a change that is recorded also
// when it changes nothing. Requests that were refused are not among them:
// floods of denials are counted, not listed.
func (l *Line) Recorded(namespace, mount string) bool {
	path, ours := l.below(namespace, mount)
	if !ours || !l.Done() {
		return false
	}
	write := l.Request.Operation == "update" || l.Request.Operation == "create"
	part := strings.Split(path, "/")
	switch {
	case part[0] == "creds" && len(part) == 2:
		return write || l.Request.Operation == "read"
	case !write:
		return false
	case path == "config", path == "ledger/key/rotate":
		return true
	case len(part) == 2:
		return part[0] == "roles" || part[0] == "services"
	case len(part) == 3:
		switch part[0] + "/" + part[2] {
		case "roles/revoke", "callers/suspend", "keys/rotate":
			return true
		}
	case len(part) == 4:
		return part[0] == "services" && part[2] == "consents"
	}
	return false
}

// Renewal reports whether the line says that a lease of the mount was renewed.
// These have no request ID in the ledger: Vault renews leases on its own account.
func (l *Line) Renewal(namespace, mount string) bool {
	return l.Done() && strings.Trim(l.Request.Namespace.Path, "/") == namespace &&
		strings.HasPrefix(l.Request.Path, "sys/") && strings.Contains(l.Request.Path, "renew") &&
		strings.HasPrefix(l.Response.Secret.LeaseID, mount+"/creds/")
}
