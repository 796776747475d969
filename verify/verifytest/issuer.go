// Package verifytest has an issuer of ramp tokens for the tests of services
// that verify them: real keys, real signatures, a real feed, no Vault.
package verifytest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

// Issuer issues tokens and serves keys, feed and conditions under URL. It is
// safe for concurrent use.
type Issuer struct {
	// URL is the issuer URL.
	URL string
	// Now tells the time of the issuer. Set it before the first use.
	Now func() time.Time

	tb     testing.TB
	server *httptest.Server

	mu         sync.Mutex
	current    signingKey
	published  map[string]jose.JSONWebKey
	serial     uint64
	conditions map[string][]byte // by digest
	feed       feed
	down       bool
}

type signingKey struct {
	private   crypto.Signer
	algorithm jose.SignatureAlgorithm
	id        string
}

// New starts an issuer that signs with ES256, and stops it when the test ends.
func New(tb testing.TB) *Issuer {
	tb.Helper()
	i := &Issuer{tb: tb, Now: time.Now, published: map[string]jose.JSONWebKey{}, conditions: map[string][]byte{}}
	i.feed.init()
	i.server = httptest.NewServer(i.handler())
	tb.Cleanup(i.server.Close)
	tb.Cleanup(i.feed.close)
	i.URL = i.server.URL + "/v1/ramp"
	i.RotateKey("ES256")
	return i
}

// RotateKey signs from now on with a new key of an algorithm: ES256, ES384,
// RS256 or EdDSA. The old ones stay published.
func (i *Issuer) RotateKey(algorithm string) {
	i.tb.Helper()
	key, err := newKey(jose.SignatureAlgorithm(algorithm))
	if err != nil {
		i.tb.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.current = *key
	i.published[key.id] = jose.JSONWebKey{Key: key.private.Public(), KeyID: key.id, Algorithm: algorithm, Use: "sig"}
}

// SigningKey returns the key that tokens are signed with now, and its kid, for
// tests of what no issuer signs.
func (i *Issuer) SigningKey() (kid string, key crypto.Signer) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.current.id, i.current.private
}

func newKey(algorithm jose.SignatureAlgorithm) (*signingKey, error) {
	var private crypto.Signer
	var err error
	switch algorithm {
	case jose.ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.ES384:
		private, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case jose.RS256:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	case jose.EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		err = fmt.Errorf("verifytest: no keys of algorithm %s", algorithm)
	}
	if err != nil {
		return nil, err
	}
	sum, err := (&jose.JSONWebKey{Key: private.Public()}).Thumbprint(crypto.SHA256)
	return &signingKey{private, algorithm, base64.RawURLEncoding.EncodeToString(sum)}, err
}

// Token describes a token to issue. The zero value of a field stands for
// something that is accepted.
type Token struct {
	Audience   string // "https://payments.internal"
	Subject    string // "spiffe://example.com/entity/<Caller>"
	Caller     string // entity ID, "e-orders"
	Contract   string // name and id, "orders"
	Scopes     []string
	Stage      string
	Generation string
	TTL        time.Duration // an hour; may be negative
	NotBefore  time.Time     // 30 s ago
	SVID       bool          // profile jwt_svid
	Expiry     bool          // revocation=expiry: the feed says nothing about it
	JKT        string        // bound to a key, for DPoP
	X5T        string        // bound to a certificate
	// Conditions for each request.
	Conditions []ramp.ConditionTerms
}

// DefaultAudience is the audience of tokens that name none.
const DefaultAudience = "https://payments.internal"

// Issue signs a token.
func (i *Issuer) Issue(t Token) string {
	i.tb.Helper()
	now := i.Now()
	setDefault(&t.Audience, DefaultAudience)
	setDefault(&t.Caller, "e-orders")
	setDefault(&t.Subject, "spiffe://example.com/entity/"+t.Caller)
	setDefault(&t.Contract, "orders")
	if t.TTL == 0 {
		t.TTL = time.Hour
	}
	if t.NotBefore.IsZero() {
		t.NotBefore = now.Add(-30 * time.Second)
	}
	i.mu.Lock()
	serial := i.serial
	i.serial++
	i.mu.Unlock()
	claims := token.Claims{
		Issuer: i.URL, Subject: t.Subject, Audience: t.Audience, Expiry: now.Add(t.TTL).Unix(), NotBefore: t.NotBefore.Unix(), IssuedAt: now.Unix(),
		ID: token.ID(t.Contract, serial), ClientID: t.Caller, Scope: ramp.Scopes(t.Scopes).String(),
	}
	if t.JKT != "" || t.X5T != "" {
		claims.Confirmation = &token.Confirmation{JKT: t.JKT, X5T: t.X5T}
	}
	if !t.Expiry {
		claims.Status = &token.Status{List: token.StatusRef{Index: serial, URI: i.URL + "/status/" + t.Contract + "/0"}}
	}
	conditions := ramp.RequestConditions(t.Conditions)
	if !t.SVID || len(conditions) > 0 {
		claims.Ramp = &token.Ramp{
			Contract: t.Contract, ID: t.Contract, Revision: "r1", Serial: serial, Stage: t.Stage, Generation: t.Generation, Conditions: conditions.Digest(),
		}
	}
	if len(conditions) > 0 {
		i.mu.Lock()
		i.conditions[conditions.Digest()] = conditions.Document()
		i.mu.Unlock()
	}
	if t.SVID {
		return i.Sign(token.TypeSVID, claims)
	}
	return i.Sign(token.TypeAccessToken, claims)
}

func setDefault(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

// Sign signs any claims with the current key, for tests of what no issuer
// issues.
func (i *Issuer) Sign(typ string, claims any) string {
	i.mu.Lock()
	key := i.current
	i.mu.Unlock()
	payload, err := json.Marshal(claims)
	if err != nil {
		i.tb.Error(err)
		return ""
	}
	opts := (&jose.SignerOptions{}).WithType(jose.ContentType(typ)).WithHeader("kid", key.id)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: key.algorithm, Key: key.private}, opts)
	if err != nil {
		i.tb.Error(err)
		return ""
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		i.tb.Error(err)
		return ""
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		i.tb.Error(err)
	}
	return text
}

// SetDown makes the issuer answer everything with 503, or stop doing so.
func (i *Issuer) SetDown(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

func (i *Issuer) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/ramp/.well-known/jwks.json", i.serveKeys)
	mux.HandleFunc("GET /v1/ramp/feed", i.serveFeed)
	mux.HandleFunc("GET /v1/ramp/conditions/{id}/{digest}", i.serveConditions)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		down := i.down
		i.mu.Unlock()
		if down {
			http.Error(w, "Vault is sealed", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (i *Issuer) serveKeys(w http.ResponseWriter, _ *http.Request) {
	i.mu.Lock()
	set := jose.JSONWebKeySet{}
	for key := range maps.Values(i.published) {
		set.Keys = append(set.Keys, key)
	}
	i.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(set)
}

func (i *Issuer) serveConditions(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	document, ok := i.conditions[r.PathValue("digest")]
	i.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(document)
}
