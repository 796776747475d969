package ramp

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"time"
)

// revision hashes terms as canonical JSON in the sense of RFC 8785: object
// keys sorted, no white space, no escapes beyond what JSON requires. Absent
// fields are left out; durations are integers in seconds.
func revision(terms any) string {
	fields, err := json.Marshal(terms)
	if err != nil {
		panic(err) // strings, integers and UTC times always marshal
	}
	var sorted map[string]any
	dec := json.NewDecoder(bytes.NewReader(fields))
	dec.UseNumber()
	if err := dec.Decode(&sorted); err != nil {
		panic(err)
	}
	var canonical bytes.Buffer
	enc := json.NewEncoder(&canonical)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(sorted); err != nil {
		panic(err)
	}
	sum := sha256.Sum256(bytes.TrimSuffix(canonical.Bytes(), []byte("\n")))
	return hex.EncodeToString(sum[:])
}

// Keeps reports whether everything credentials held under the old terms is
// still granted under t. When it is not, they have to die: an edit that takes
// something away must not wait for renewals to be felt.
func (t *Terms) Keeps(old *Terms) bool {
	return t.Service == old.Service &&
		t.CredentialType == old.CredentialType &&
		maps.Equal(t.Credential, old.Credential) &&
		t.Subject == old.Subject &&
		len(old.Scopes.Missing(t.Scopes)) == 0 &&
		keepsList(t.BoundEntityIDs, old.BoundEntityIDs) &&
		keepsList(t.BoundEntityNames, old.BoundEntityNames) &&
		keepsList(t.BoundGroups, old.BoundGroups) &&
		keepsList(t.BoundAuthMounts, old.BoundAuthMounts) &&
		keepsList(t.BoundCIDRs, old.BoundCIDRs) &&
		keepsMap(t.BoundEntityMetadata, old.BoundEntityMetadata) &&
		keepsMap(t.BoundAliasMetadata, old.BoundAliasMetadata) &&
		!shorter(t.MaxTTL, old.MaxTTL) &&
		keepsLimit(t.MaxActive, old.MaxActive) &&
		reflect.DeepEqual(t.Conditions, old.Conditions) &&
		reflect.DeepEqual(t.Stages, old.Stages) &&
		reflect.DeepEqual(t.OffRamp, old.OffRamp) &&
		!t.NotBefore.After(old.NotBefore) &&
		!ends(t.ExpiresAt, old.ExpiresAt)
}

// keepsList: a "one of" binding keeps everybody when it is gone or only grew.
func keepsList(list, old []string) bool {
	if len(list) == 0 {
		return true
	}
	return len(old) > 0 && !slices.ContainsFunc(old, func(v string) bool { return !slices.Contains(list, v) })
}

// keepsMap: an "all of" binding keeps everybody when it only lost pairs.
func keepsMap(pairs, old map[string]string) bool {
	for k, v := range pairs {
		if was, ok := old[k]; !ok || was != v {
			return false
		}
	}
	return true
}

func keepsLimit(limit, old uint64) bool { return limit == 0 || old > 0 && limit >= old }

func ends(at, old time.Time) bool {
	return !at.IsZero() && (old.IsZero() || at.Before(old))
}
