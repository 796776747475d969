package vault_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/hashicorp/vault/api"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/vault"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/egress"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/evidence"
)

const policy = `
path "ramp/creds/*"    { capabilities = ["read"] }
path "ramp/evidence/*" { capabilities = ["update"] }`

type fields = map[string]any

// rig is a real Vault with a contract that lets orders call payments.
type rig struct {
	*vaulttest.Server
	orders *vaulttest.Login
}

func newRig(t *testing.T) *rig {
	t.Helper()
	s := vaulttest.Start(t, vaulttest.WithMount("ramp"))
	r := &rig{s, s.AppRole("orders", s.Policy("caller", policy))}
	r.Write("ramp/services/payments", fields{"audience": "https://payments.internal", "scopes": "read,write", "max_ttl": "1h"})
	r.Write("ramp/roles/orders-to-payments", fields{"service": "payments", "scopes": "read,write", "bound_entity_ids": r.orders.EntityID, "ttl": "5m"})
	return r
}

func (r *rig) open(t *testing.T, c vault.Config) *vault.Session {
	t.Helper()
	c.Address, c.OnError = r.Addr, func(err error) { t.Log(err) }
	s, err := vault.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// approle writes the files of an AppRole login.
func (r *rig) approle(t *testing.T) *vault.Auth {
	t.Helper()
	return &vault.Auth{Method: vault.AppRole, RoleIDFile: write(t, "role-id", r.orders.RoleID), SecretIDFile: write(t, "secret-id", r.orders.SecretID+"\n")}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func fetch(t *testing.T, s *vault.Session, ask vault.Ask) *egress.Credential {
	t.Helper()
	c, err := s.Source(ask).Fetch(t.Context(), egress.Key{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (r *rig) active(t *testing.T, c *egress.Credential) bool {
	t.Helper()
	return r.Write("ramp/introspect", fields{"token": c.Token}).Data["active"] == true
}

// wantDead waits: Vault revokes the leases of a token after the token.
func (r *rig) wantDead(t *testing.T, c *egress.Credential) {
	t.Helper()
	eventually(t, "a credential to die with its login", func() error {
		if r.active(t, c) {
			return errors.New("it lives")
		}
		return nil
	})
}

var orders = vault.Ask{Role: "orders-to-payments"}

func TestFetchRenewRevoke(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.open(t, vault.Config{Auth: r.approle(t)})
	source := s.Source(vault.Ask{Role: "orders-to-payments", Scopes: []string{"read"}, TTL: 2 * time.Minute})
	const thumbprint = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
	c, err := source.Fetch(t.Context(), egress.Key{Thumbprint: thumbprint})
	if err != nil {
		t.Fatal(err)
	}
	if c.Type != "DPoP" || !c.Renewable || c.TTL != 2*time.Minute {
		t.Errorf("%+v", c)
	}
	if said := r.Write("ramp/introspect", fields{"token": c.Token}).Data; said["scope"] != "read" || said["active"] != true {
		t.Errorf("%v", said)
	}
	if left, err := source.Renew(t.Context(), c.Lease); err != nil || left <= 0 {
		t.Error(left, err)
	}

	// The policy of a usual caller revokes nothing; what it fetched dies with its login.
	if err := source.Revoke(t.Context(), c.Lease); err != nil || !r.active(t, c) {
		t.Error(err)
	}
	r.Write("ramp/roles/orders-to-payments/revoke", nil)
	if _, err := source.Renew(t.Context(), c.Lease); !errors.As(err, new(*egress.Denied)) || !strings.Contains(err.Error(), "credential_revoked") {
		t.Errorf("renewing what is dead: %v", err)
	}
	d := fetch(t, s, orders)
	s.Close()
	r.wantDead(t, d)
	if _, err := source.Renew(t.Context(), d.Lease); err == nil {
		t.Error("a closed session renews")
	}
}

func TestDenials(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.open(t, vault.Config{Auth: r.approle(t)})
	for name, tc := range map[string]struct {
		ask  vault.Ask
		says string
	}{
		"no such contract": {vault.Ask{Role: "nobody"}, "no such contract"},
		"scope":            {vault.Ask{Role: "orders-to-payments", Scopes: []string{"delete"}}, "(scope_not_granted)"},
		"policy":           {vault.Ask{Role: "../roles/orders-to-payments"}, "Vault: permission denied; the login needs a policy with read on ramp/creds/../roles"},
	} {
		_, err := s.Source(tc.ask).Fetch(t.Context(), egress.Key{})
		if !errors.As(err, new(*egress.Denied)) || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := s.Source(orders).Renew(t.Context(), "ramp/creds/orders-to-payments/unknown")
	if !errors.As(err, new(*egress.Denied)) {
		t.Errorf("renewing what is not there: %v", err)
	}
	r.Seal()
	if _, err := s.Source(orders).Fetch(t.Context(), egress.Key{}); err == nil || errors.As(err, new(*egress.Denied)) || !strings.Contains(err.Error(), "sealed") {
		t.Errorf("a sealed Vault: %v", err)
	}
}

// A denial says nothing about the login, even if that may not ask about itself.
func TestDenialsKeepTheLogin(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.Write("auth/approle/role/orders", fields{"token_no_default_policy": true, "token_policies": "caller"})
	s := r.open(t, vault.Config{Auth: r.approle(t)})
	c := fetch(t, s, orders)
	_, err := s.Source(vault.Ask{Role: "orders-to-payments", Scopes: []string{"delete"}}).Fetch(t.Context(), egress.Key{})
	if !errors.As(err, new(*egress.Denied)) {
		t.Fatal(err)
	}
	select {
	case <-c.Doomed:
		t.Error("the login was given up, and what it fetched with it")
	default:
	}
}

// The login token is revoked: nobody notices but the credentials it fetched.
func TestLoginDies(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.open(t, vault.Config{Auth: r.approle(t)})
	first := fetch(t, s, orders)
	revokeLogins(t, r, first)
	second := fetch(t, s, orders)
	select {
	case <-first.Doomed:
	default:
		t.Error("the first is not doomed")
	}
	select {
	case <-second.Doomed:
		t.Error("the second is doomed")
	default:
	}
	r.wantDead(t, first)
	if !r.active(t, second) {
		t.Error("the second is dead")
	}
}

// revokeLogins revokes the AppRole tokens that fetched a credential.
func revokeLogins(t *testing.T, r *rig, c *egress.Credential) {
	t.Helper()
	listed, err := r.Client.Logical().List("auth/token/accessors")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range listed.Data["keys"].([]any) {
		token, err := r.Client.Auth().Token().LookupAccessor(a.(string))
		if err == nil && token.Data["entity_id"] == r.orders.EntityID {
			if err := r.Client.Auth().Token().RevokeAccessor(a.(string)); err != nil {
				t.Error(err)
			}
		}
	}
}

// A login token that cannot be renewed for ever is replaced before it ends.
func TestLoginEnds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.Write("auth/approle/role/orders", fields{"token_ttl": "6s", "token_max_ttl": "6s"})
	s := r.open(t, vault.Config{Auth: r.approle(t)})
	for range 3 {
		c := fetch(t, s, orders)
		select {
		case <-c.Doomed:
		case <-time.After(time.Minute):
			t.Fatal("the login lasts longer than it may")
		}
		if !r.active(t, c) {
			t.Error("doomed too late: the credential is dead")
		}
	}
}

func TestWrappedSecretID(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	wrap := func() string {
		r.Client.SetWrappingLookupFunc(func(string, string) string { return "5m" })
		defer r.Client.SetWrappingLookupFunc(nil)
		return r.Write("auth/approle/role/orders/secret-id", nil).WrapInfo.Token
	}
	wrapped := wrap()
	auth := r.approle(t)
	auth.SecretIDFile, auth.SecretIDWrapped = write(t, "wrapped", wrapped), true
	s := r.open(t, vault.Config{Auth: auth})
	c := fetch(t, s, orders)
	revokeLogins(t, r, c)
	c = fetch(t, s, orders) // logs in again, with what it unwrapped

	if err := os.WriteFile(auth.SecretIDFile, []byte(wrap()), 0o600); err != nil {
		t.Fatal(err)
	}
	revokeLogins(t, r, c)
	fetch(t, s, orders) // unwraps another

	other := *auth
	other.SecretIDFile = write(t, "used", wrapped)
	used := r.open(t, vault.Config{Auth: &vault.Auth{
		Method: vault.AppRole, RoleIDFile: other.RoleIDFile, SecretIDFile: other.SecretIDFile, SecretIDWrapped: true,
	}})
	if _, err := used.Source(orders).Fetch(t.Context(), egress.Key{}); err == nil || !strings.Contains(err.Error(), "somebody else has read it") || strings.Contains(err.Error(), wrapped) {
		t.Errorf("a wrapping token that was used: %v", err)
	}
}

func TestJWT(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, mount := range []string{"jwt", "kubernetes"} {
		jwt := write(t, "jwt", trustPlatform(t, r, mount))
		s := r.open(t, vault.Config{Auth: &vault.Auth{Method: mount, Role: "orders", JWTFile: jwt}})
		c := fetch(t, s, orders)
		if !r.active(t, c) {
			t.Errorf("%s: %+v", mount, c)
		}
	}
}

// trustPlatform makes Vault accept JWTs for orders, and returns one.
func trustPlatform(t *testing.T, r *rig, mount string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Client.Sys().EnableAuthWithOptions(mount, &api.EnableAuthOptions{Type: "jwt"}); err != nil {
		t.Fatal(err)
	}
	r.Write("auth/"+mount+"/config", fields{"jwt_validation_pubkeys": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))})
	r.Write("auth/"+mount+"/role/orders", fields{"role_type": "jwt", "user_claim": "sub", "bound_audiences": "vault", "token_policies": "caller"})
	mounts, err := r.Client.Sys().ListAuth()
	if err != nil {
		t.Fatal(err)
	}
	r.Write("identity/entity-alias", fields{"name": "orders", "canonical_id": r.orders.EntityID, "mount_accessor": mounts[mount+"/"].Accessor})
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := json.Marshal(fields{"sub": "orders", "aud": "vault", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// An agent's sink: not there at first, then a token, then another.
func TestTokenFile(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	sink := filepath.Join(t.TempDir(), "sink")
	s := r.open(t, vault.Config{TokenFile: sink})
	sinkNow := func(token string) {
		if err := errors.Join(os.WriteFile(sink+".new", []byte(token), 0o600), os.Rename(sink+".new", sink)); err != nil {
			t.Fatal(err)
		}
	}
	sinkNow(r.orders.Token)
	var first *egress.Credential
	eventually(t, "a first credential", func() (err error) {
		first, err = s.Source(orders).Fetch(t.Context(), egress.Key{})
		return err
	})
	login := r.Write("auth/approle/login", fields{"role_id": r.orders.RoleID, "secret_id": r.orders.SecretID}).Auth
	sinkNow(login.ClientToken)
	select {
	case <-first.Doomed:
	case <-time.After(time.Minute):
		t.Fatal("nobody noticed the new token")
	}
	second := fetch(t, s, orders)

	// The token dies, and whoever writes the file is slow.
	if err := r.Client.Auth().Token().RevokeTree(login.ClientToken); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the token to be called dead", func() error {
		_, err := s.Source(orders).Fetch(t.Context(), egress.Key{})
		if err == nil || !strings.Contains(err.Error(), "has to write another") {
			return errors.Join(errors.New("not yet"), err)
		}
		return nil
	})
	sinkNow(r.orders.Token)
	eventually(t, "a third credential", func() error {
		_, err := s.Source(orders).Fetch(t.Context(), egress.Key{})
		return err
	})
	r.wantDead(t, second)
	s.Close()
	if _, err := r.orders.Client.Auth().Token().LookupSelf(); err != nil {
		t.Errorf("the token of the file is not ours to revoke: %v", err)
	}
}

func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	err := errors.New("never tried")
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	t.Fatalf("waited for %s: %v", what, err)
}

// A report that is sent again counts once, a contract that is gone stops none
// of the others, and Vault learns which scopes are used.
func TestEvidence(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	stages := []any{
		fields{"name": "canary", "scopes": []string{"read"}, "advance": fields{"accepted": 10}},
		fields{"name": "full", "scopes": []string{"read", "write"}},
	}
	r.Write("ramp/roles/orders-to-payments", fields{"stages": stages})
	s := r.open(t, vault.Config{Auth: r.approle(t)})
	fetch(t, s, orders)
	counts := []evidence.Count{{Contract: "deleted", Caller: "e", Accepted: 1}, {Contract: "orders-to-payments", Caller: r.orders.EntityID, Accepted: 9}}
	for range 3 {
		if err := s.Reporter().Report(t.Context(), "report-1", counts); err != nil {
			t.Fatal(err)
		}
	}
	stage := func() any {
		secret, err := r.Client.Logical().Read("ramp/roles/orders-to-payments/callers/" + r.orders.EntityID)
		if err != nil {
			t.Fatal(err)
		}
		return secret.Data["stage"]
	}
	if stage() != "canary" {
		t.Error("9 requests counted more than once")
	}
	counts[1].Accepted = 1
	if err := s.Reporter().Report(t.Context(), "report-2", counts); err != nil {
		t.Fatal(err)
	}
	if stage() != "full" {
		t.Error("10 requests are not enough")
	}
	counts[1].Scopes = map[string]int64{"read": 1}
	if err := s.Reporter().Report(t.Context(), "report-3", counts); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a scope that nobody uses", func() error {
		secret, err := r.Client.Logical().ReadWithData("ramp/report/idle", map[string][]string{"for": {"1s"}})
		if err != nil {
			t.Fatal(err)
		}
		if row := fmt.Sprint(secret.Data["idle"]); !strings.Contains(row, "unused_scopes:[write]") {
			return fmt.Errorf("the report has %s", row)
		}
		return nil
	})
	r.Seal()
	if err := s.Reporter().Report(t.Context(), "report-4", counts); err == nil {
		t.Error("a sealed Vault takes evidence")
	}
}

func TestConfig(t *testing.T) {
	for name, tc := range map[string]struct {
		config vault.Config
		says   string
	}{
		"nothing":    {vault.Config{}, "token_file, or an auth block"},
		"both":       {vault.Config{TokenFile: "x", Auth: &vault.Auth{Method: "jwt"}}, "not both"},
		"method":     {vault.Config{Auth: &vault.Auth{Method: "ldap"}}, "use approle, jwt or kubernetes"},
		"approle":    {vault.Config{Auth: &vault.Auth{Method: vault.AppRole}}, "role_id_file"},
		"jwt":        {vault.Config{Auth: &vault.Auth{Method: vault.JWT, Role: "orders"}}, "jwt_file"},
		"kubernetes": {vault.Config{Auth: &vault.Auth{Method: vault.Kubernetes}}, "role"},
		"ca":         {vault.Config{TokenFile: "x", CACert: "/nonexistent"}, "ca_cert"},
	} {
		if _, err := vault.Open(tc.config); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	dir := t.TempDir()
	s, err := vault.Open(vault.Config{Address: "http://127.0.0.1:1", Auth: &vault.Auth{Method: vault.JWT, Role: "r", JWTFile: dir}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	if _, err := s.Source(orders).Fetch(ctx, egress.Key{}); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("a file that cannot be read: %v", err)
	}
}
