// Package vault is the proxy's side of Vault: it logs in and stays logged in,
// fetches and renews credentials, and reports evidence.
package vault

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/vault/api"
)

// Config says which Vault, and who we are there.
type Config struct {
	// Address, Namespace and CACert (a file) may be empty: then VAULT_ADDR,
	// VAULT_NAMESPACE and VAULT_CACERT say.
	Address   string
	Namespace string
	CACert    string
	// Mount of the ramp engine. Empty means "ramp".
	Mount string
	// TokenFile holds a token that somebody else keeps alive, such as the sink
	// of a Vault Agent. Auth logs in. Give one of them.
	TokenFile string
	Auth      *Auth

	// OnError is told when Vault cannot be used, in words for a log,
	// OnRecovery when it can again, and OnWarning what Vault warns of. Nil
	// ignores them.
	OnError    func(error)
	OnRecovery func()
	OnWarning  func(string)
}

// callTimeout bounds each call to Vault.
const callTimeout = 10 * time.Second

func (c *Config) complete() error {
	if c.Mount == "" {
		c.Mount = "ramp"
	}
	if c.OnError == nil {
		c.OnError = func(error) {}
	}
	if c.OnRecovery == nil {
		c.OnRecovery = func() {}
	}
	if c.OnWarning == nil {
		c.OnWarning = func(string) {}
	}
	if (c.TokenFile == "") == (c.Auth == nil) {
		return errors.New("vault needs token_file, or an auth block, and not both")
	}
	if c.Auth != nil {
		return c.Auth.check()
	}
	return nil
}

// Check says what is wrong, without reaching Vault.
func (c Config) Check() error {
	if err := c.complete(); err != nil {
		return err
	}
	_, err := c.client()
	return err
}

// client returns a client without token. It does not retry: the ones who call
// know better when to ask again.
func (c *Config) client() (*api.Client, error) {
	config := api.DefaultConfig() // reads VAULT_*
	if config.Error != nil {
		return nil, config.Error
	}
	config.AgentAddress, config.MaxRetries, config.Timeout = "", 0, callTimeout
	if c.Address != "" {
		config.Address = c.Address
	}
	if c.CACert != "" {
		if err := config.ConfigureTLS(&api.TLSConfig{CACert: c.CACert}); err != nil {
			return nil, fmt.Errorf("vault: ca_cert: %w", err)
		}
	}
	client, err := api.NewClient(config)
	if err != nil {
		return nil, err
	}
	client.ClearToken()
	if c.Namespace != "" {
		client.SetNamespace(c.Namespace)
	}
	return client, nil
}
