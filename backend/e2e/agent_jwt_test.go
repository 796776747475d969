package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/hashicorp/vault/api"
)

// A workload logs in with a JWT that its platform signed, and calls a service whose verifiers only look at exp: its
// lease cannot be renewed, so the agent fetches the next credential while the last one still has time to live.
func TestAgentJWT(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", fields{"revocation": "expiry"})
	r.contract(t, "orders-to-payments", fields{"ttl": "15s"})
	a := newAgent(t, "jwt.hcl")
	a.provide(t, "identity.jwt", r.trustPlatform(t, "orders"))
	a.start(t, r.Server, "jwt.hcl")

	last := a.after(t, creds{})
	a.wantPrivate(t)
	seen := []creds{last}
	for range 2 {
		last = a.after(t, last)
		r.wantAlive(t, last)
		seen = append(seen, last)
	}
	wantDistinct(t, seen)
	for _, c := range seen {
		if c.ClientID != r.orders.EntityID || c.Expiry-c.IssuedAt != 15 || c.Status != nil {
			t.Errorf("the agent fetched %+v", c.Claims)
		}
	}
}

// trustPlatform makes Vault accept the JWTs of a platform, as role orders, and returns one for the workload.
func (r *rig) trustPlatform(t *testing.T, workload string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Client.Sys().EnableAuthWithOptions("jwt", &api.EnableAuthOptions{Type: "jwt"}); err != nil {
		t.Fatal(err)
	}
	r.Write("auth/jwt/config", fields{
		"jwt_validation_pubkeys": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
		"bound_issuer":           "https://platform.internal",
	})
	r.Write("auth/jwt/role/orders", fields{
		"role_type": "jwt", "user_claim": "sub", "bound_audiences": "vault", "bound_subject": workload, "token_policies": "caller",
	})
	mounts, err := r.Client.Sys().ListAuth()
	if err != nil {
		t.Fatal(err)
	}
	r.Write("identity/entity-alias", fields{
		"name": workload, "canonical_id": r.orders.EntityID, "mount_accessor": mounts["jwt/"].Accessor,
	})

	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := json.Marshal(fields{
		"iss": "https://platform.internal", "sub": workload, "aud": "vault",
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	})
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
