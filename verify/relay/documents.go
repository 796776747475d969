package relay

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

const (
	freshFor = time.Second      // a document is given to all who ask in that time
	goodFor  = 10 * time.Minute // and for no longer when the issuer is out of reach
)

// document is a kind of public document that an issuer has.
type document struct {
	path        *regexp.Regexp
	contentType string
	maxAge      int // seconds for which others may cache it
	check       func(ctx context.Context, r *Relay, path string, body []byte) error
}

const (
	jwksPath      = "/.well-known/jwks.json"
	discoveryPath = "/.well-known/openid-configuration"
	bundlePath    = "/bundle"
)

var documents = []document{
	{regexp.MustCompile(`^/\.well-known/jwks\.json$`), "application/json", 60, checkKeys},
	{regexp.MustCompile(`^/\.well-known/openid-configuration$`), "application/json", 60, checkDiscovery},
	{regexp.MustCompile(`^/bundle$`), "application/json", 60, checkBundle},
	{regexp.MustCompile(`^/status/[a-z0-9]{1,64}/(0|[1-9][0-9]{0,14})$`), "application/statuslist+jwt", 5, checkStatusList},
	{regexp.MustCompile(`^/conditions/[a-z0-9]{1,64}/[A-Za-z0-9_-]{43}$`), "application/json", 86400, checkConditions},
}

// documentAt is the kind of document at a path below the issuer URL, nil when there is none.
func documentAt(path string) *document {
	for i := range documents {
		if documents[i].path.MatchString(path) {
			return &documents[i]
		}
	}
	return nil
}

// fetch reads a document from the issuer and checks that it is one.
func (r *Relay) fetch(ctx context.Context, d *document, path string) ([]byte, error) {
	return r.follower.Document(ctx, path, func(body []byte) error { return d.check(ctx, r, path, body) })
}

func checkKeys(_ context.Context, _ *Relay, _ string, body []byte) error {
	return verify.CheckKeys(body)
}

func checkDiscovery(_ context.Context, r *Relay, _ string, body []byte) error {
	var d struct {
		Issuer string `json:"issuer"`
	}
	if err := json.Unmarshal(body, &d); err != nil || d.Issuer != r.config.Issuer {
		return fmt.Errorf("not the discovery document of issuer %s", r.config.Issuer)
	}
	return nil
}

func checkBundle(_ context.Context, _ *Relay, _ string, body []byte) error {
	var d struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &d); err != nil || d.Keys == nil {
		return errors.New("not a SPIFFE bundle")
	}
	return nil
}

func checkStatusList(ctx context.Context, r *Relay, path string, body []byte) error {
	_, err := r.readList(ctx, path, body)
	return err
}

// list is what a relay reads of a status list (draft-ietf-oauth-status-list section 5.1).
type list struct {
	Subject  string          `json:"sub"`
	IssuedAt int64           `json:"iat"`
	Expiry   int64           `json:"exp"`
	Bits     json.RawMessage `json:"status_list"`
}

func (r *Relay) readList(ctx context.Context, path string, body []byte) (*list, error) {
	payload, err := r.follower.Open(ctx, body, token.TypeStatusList)
	if err != nil {
		return nil, err
	}
	var l list
	if err := json.Unmarshal(payload, &l); err != nil || l.Subject != r.config.Issuer+path {
		return nil, fmt.Errorf("not the status list %s", path)
	}
	return &l, nil
}

// checkConditions: the last part of the path is the digest of the document.
func checkConditions(_ context.Context, _ *Relay, at string, body []byte) error {
	if sum := sha256.Sum256(body); base64.RawURLEncoding.EncodeToString(sum[:]) != path.Base(at) {
		return errors.New("not the conditions with this digest")
	}
	return nil
}
