package vault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/egress"
)

// Ask is what to ask of a contract. Empty fields ask for all it grants.
type Ask struct {
	Role       string
	Scopes     []string
	TTL        time.Duration
	Generation string
}

// Source fetches credentials of one contract.
func (s *Session) Source(ask Ask) egress.Source { return &source{s, ask} }

type source struct {
	session *Session
	ask     Ask
}

func (s *source) Fetch(ctx context.Context, key egress.Key) (*egress.Credential, error) {
	var secret *api.Secret
	var by *login
	err := s.session.call(ctx, func(l *login) (err error) {
		by = l
		secret, err = l.client.Logical().ReadWithDataWithContext(ctx, s.path(), s.ask.parameters(key))
		return err
	})
	switch {
	case by != nil && forbidden(err) && !decided(err): // it is not the login that Vault refuses
		return nil, final(fmt.Errorf("fetch %s: %w; the login needs a policy with read on %[1]s", s.path(), err))
	case err != nil:
		return nil, final(fmt.Errorf("fetch %s: %w", s.path(), err))
	}
	if secret == nil {
		return nil, &egress.Denied{Reason: "fetch " + s.path() + ": Vault: there is no such contract"} // the client hides a 404
	}
	for _, w := range secret.Warnings {
		s.session.config.OnWarning(s.path() + ": " + w)
	}
	c := &egress.Credential{
		Lease: secret.LeaseID, TTL: time.Duration(secret.LeaseDuration) * time.Second, Renewable: secret.Renewable, Doomed: by.over,
	}
	c.Token, _ = secret.Data["token"].(string)
	c.Type, _ = secret.Data["token_type"].(string)
	if c.Token == "" || c.Type == "" || c.Lease == "" {
		return nil, &egress.Denied{Reason: "fetch " + s.path() + ": its credential_type is not one that goes on requests"}
	}
	return c, nil
}

func (s *source) path() string { return s.session.config.Mount + "/creds/" + s.ask.Role }

func (a *Ask) parameters(key egress.Key) map[string][]string {
	p := map[string][]string{}
	for name, value := range map[string]string{
		"scopes": strings.Join(a.Scopes, ","), "generation": a.Generation, "dpop_jkt": key.Thumbprint, "public_key": key.Certificate,
	} {
		if value != "" {
			p[name] = []string{value}
		}
	}
	if a.TTL > 0 {
		p["ttl"] = []string{a.TTL.String()}
	}
	return p
}

// Renew renews a lease. An answer of Vault that is not one of passing trouble
// means that the lease is gone, or that its renewal was decided against, which
// kills the credential.
func (s *source) Renew(ctx context.Context, lease string) (time.Duration, error) {
	var secret *api.Secret
	err := s.session.call(ctx, func(l *login) (err error) {
		secret, err = l.client.Sys().RenewWithContext(ctx, lease, 0)
		return err
	})
	switch {
	case err != nil:
		return 0, final(fmt.Errorf("renew a credential of %s: %w", s.path(), err))
	case secret == nil:
		return 0, errors.New("renew: Vault gave nothing")
	}
	return time.Duration(secret.LeaseDuration) * time.Second, nil
}

// Revoke needs a policy that many callers do not have: then the lease runs out.
func (s *source) Revoke(ctx context.Context, lease string) error {
	err := s.session.call(ctx, func(l *login) error { return l.client.Sys().RevokeWithContext(ctx, lease) })
	if err != nil && !forbidden(err) {
		return fmt.Errorf("revoke a credential of %s: %w", s.path(), err)
	}
	return nil
}
