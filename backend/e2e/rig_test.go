package e2e_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/hashicorp/vault/api"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

// patience is how long anything that takes its time may take on a busy machine.
const patience = 60 * time.Second

const (
	// callerPolicy is what a workload needs to use its contracts.
	callerPolicy = `path "ramp/creds/*" { capabilities = ["read", "update"] }`
	issuerPath   = "/v1/ramp"
)

// fields are what a write sends.
type fields = map[string]any

// rig is a real Vault with Ramp mounted at ramp/, and a workload that may ask for credentials.
type rig struct {
	*vaulttest.Server
	orders *vaulttest.Login
}

func newRig(t *testing.T, opts ...vaulttest.Option) *rig {
	t.Helper()
	return rigOn(vaulttest.Start(t, append(opts, vaulttest.WithMount("ramp"))...))
}

// rigOn is a rig on a server that has Ramp mounted at ramp/.
func rigOn(s *vaulttest.Server) *rig {
	return &rig{s, s.AppRole("orders", s.Policy("caller", callerPolicy))}
}

// write writes as root below ramp/. The answer is nil when there is none.
func (r *rig) write(t *testing.T, path string, data fields) fields {
	t.Helper()
	secret, err := r.Client.Logical().Write("ramp/"+path, data)
	if err != nil {
		t.Fatalf("write %s: %v", path, err)
	}
	if secret == nil {
		return nil
	}
	return secret.Data
}

// read reads as root below ramp/. The answer is nil when there is nothing.
func (r *rig) read(t *testing.T, path string) fields {
	t.Helper()
	secret, err := r.Client.Logical().Read("ramp/" + path)
	if err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
	if secret == nil {
		return nil
	}
	return secret.Data
}

func (r *rig) delete(t *testing.T, path string) {
	t.Helper()
	if _, err := r.Client.Logical().Delete("ramp/" + path); err != nil {
		t.Fatalf("delete %s: %v", path, err)
	}
}

// service declares a service: what overrides says, and usual terms.
func (r *rig) service(t *testing.T, name string, overrides fields) {
	t.Helper()
	terms := fields{"audience": "https://" + name + ".internal", "scopes": "invoices:read,invoices:write", "max_ttl": "1h"}
	maps.Copy(terms, overrides)
	r.write(t, "services/"+name, terms)
}

// contract writes a contract between orders and service payments unless overrides say otherwise, and returns its id.
func (r *rig) contract(t *testing.T, name string, overrides fields) string {
	t.Helper()
	terms := fields{"service": "payments", "scopes": "invoices:read", "bound_entity_ids": r.orders.EntityID, "ttl": "5m"}
	maps.Copy(terms, overrides)
	return r.write(t, "roles/"+name, terms)["id"].(string)
}

// creds is a credential, and the claims its token makes.
type creds struct {
	token.Claims
	Token     string
	Lease     string
	TTL       time.Duration // of the lease
	Renewable bool
	KeyID     string
	Data      fields
	Warnings  []string
}

func (c *creds) contractID() string { id, _, _ := strings.Cut(c.ID, "."); return id }

// mint reads creds/<role>, with params if there are any.
func (r *rig) mint(t *testing.T, client *api.Client, role string, params fields) creds {
	t.Helper()
	c, err := r.tryMint(client, role, params)
	if err != nil {
		t.Fatalf("mint %s: %v", role, err)
	}
	return c
}

// tryMint may be called from any goroutine.
func (r *rig) tryMint(client *api.Client, role string, params fields) (c creds, err error) {
	var secret *api.Secret
	if params == nil {
		secret, err = client.Logical().Read("ramp/creds/" + role)
	} else {
		secret, err = client.Logical().Write("ramp/creds/"+role, params)
	}
	if err != nil {
		return c, err
	}
	if secret == nil {
		return c, errors.New("no answer")
	}
	c.Token, _ = secret.Data["token"].(string)
	c.Lease, c.TTL, c.Renewable = secret.LeaseID, time.Duration(secret.LeaseDuration)*time.Second, secret.Renewable
	c.Data, c.Warnings = secret.Data, secret.Warnings
	var header struct {
		KeyID string `json:"kid"`
	}
	err = errors.Join(decodePart(c.Token, 0, &header), decodePart(c.Token, 1, &c.Claims))
	c.KeyID = header.KeyID
	return c, err
}

// decodePart reads a part of a compact JWS without verifying it.
func decodePart(jws string, part int, v any) error {
	parts := strings.Split(jws, ".")
	if len(parts) != 3 {
		return errors.New("not a compact JWS")
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[part])
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

// public reads a document that needs no token, and its content type.
func (r *rig) public(t *testing.T, path string, query ...string) (body []byte, contentType string) {
	t.Helper()
	body, contentType, err := r.tryPublic(path, query...)
	if err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
	return body, contentType
}

// tryPublic may be called from any goroutine.
func (r *rig) tryPublic(path string, query ...string) (body []byte, contentType string, err error) {
	values := map[string][]string{}
	for i := 0; i+1 < len(query); i += 2 {
		values[query[i]] = []string{query[i+1]}
	}
	resp, err := r.As("").Logical().ReadRawWithData(path, values)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return body, resp.Header.Get("Content-Type"), err
}

// open checks the signature of a JWS against the JWKS of the mount, and its typ, and returns the payload.
func (r *rig) open(t *testing.T, jws, typ string) []byte {
	t.Helper()
	var published jose.JSONWebKeySet
	keys, _ := r.public(t, "ramp/.well-known/jwks.json")
	if err := json.Unmarshal(keys, &published); err != nil {
		t.Fatal(err)
	}
	parsed, err := jose.ParseSignedCompact(jws, []jose.SignatureAlgorithm{jose.ES256, jose.ES384, jose.RS256, jose.EdDSA})
	if err != nil {
		t.Fatal(err)
	}
	header := parsed.Signatures[0].Protected
	if header.ExtraHeaders[jose.HeaderType] != typ {
		t.Fatalf("typ is %v, want %s", header.ExtraHeaders[jose.HeaderType], typ)
	}
	payload, err := parsed.Verify(published)
	if err != nil {
		t.Fatalf("%s signed with %s: %v", typ, header.KeyID, err)
	}
	return payload
}
