package backend

import (
	"context"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// settings are the fields of config, as written, stored and read.
type settings struct {
	Issuer          string       `json:"issuer" doc:"URL that tokens name as their issuer and under which verifiers find this mount: https://<vault>/v1/<mount>. Plain http is for loopback addresses only. Required before anything is minted."`
	TrustDomain     string       `json:"trust_domain" doc:"SPIFFE trust domain. Default: the host name of the issuer."`
	DefaultTTL      ramp.Seconds `json:"default_ttl" doc:"Life of a credential between renewals when its contract does not say. Default: 15m."`
	MaxTTL          ramp.Seconds `json:"max_ttl" doc:"Longest life of any credential, at most the max_lease_ttl of the mount. Default: 24h."`
	NotBeforeLeeway ramp.Seconds `json:"not_before_leeway" doc:"How far nbf is back-dated for clocks that are behind. Default: 30s."`
}

var defaults = settings{DefaultTTL: 15 * 60, MaxTTL: 24 * 3600, NotBeforeLeeway: 30}

// config is what is in force: settings with defaults filled in.
type config struct {
	settings
	// Horizon is when the last token issued under a longer max_ttl than
	// today's expires (NumericDate), zero when that was never lowered.
	Horizon int64 `json:"horizon,omitempty"`
}

// horizon is when the last of the tokens issued until then expires.
func (c *config) horizon(then time.Time) time.Time {
	h := then.Add(time.Duration(c.MaxTTL) * time.Second)
	if earlier := time.Unix(c.Horizon, 0); earlier.After(h) {
		return earlier
	}
	return h
}

func (b *backend) pathConfig() endpoint.Path {
	return endpoint.Path{
		Pattern:  "config",
		Suffix:   "configuration",
		Verb:     "configure",
		Synopsis: "Configure the mount.",
		Help:     "Set issuer first: nothing is minted before. The first write also creates the signing keys keys/default.",
		Read:     endpoint.Handle("Read the configuration of the mount.", b.readConfig),
		Write:    endpoint.Handle("Configure the mount. Fields that are not given keep their value.", b.writeConfig),
	}
}

func (b *backend) loadConfig(ctx context.Context, s logical.Storage) error {
	c, err := get[config](ctx, s, configKey)
	if err != nil {
		return err
	}
	if c == nil {
		c = &config{settings: defaults}
	}
	b.clamp(c)
	b.config.Store(c)
	return nil
}

// clamp keeps the ceilings of the mount, which may have been tuned since.
func (b *backend) clamp(c *config) {
	if mount := ramp.Seconds(b.System().MaxLeaseTTL() / time.Second); mount > 0 {
		c.MaxTTL = min(c.MaxTTL, mount)
	}
	c.DefaultTTL = min(c.DefaultTTL, c.MaxTTL)
}

func (b *backend) readConfig(_ context.Context, _ *endpoint.Call, _ *endpoint.None) (*settings, error) {
	return &b.config.Load().settings, nil
}

func (b *backend) writeConfig(ctx context.Context, call *endpoint.Call, _ *settings) (*endpoint.Nothing, error) {
	b.configMu.Lock()
	defer b.configMu.Unlock()
	was := b.config.Load()
	c := *was
	if err := call.Merge(&c.settings); err != nil {
		return nil, err
	}
	if err := b.checkConfig(&c, call); err != nil {
		return nil, err
	}
	if c.MaxTTL < was.MaxTTL {
		c.Horizon = was.horizon(b.now()).Unix()
	}
	if err := b.ensureDefaultKeys(ctx, call.Storage); err != nil {
		return nil, err
	}
	if err := put(ctx, call.Storage, configKey, &c); err != nil {
		return nil, err
	}
	b.config.Store(&c)
	b.lists.forgetAll()
	return nil, nil
}

func (b *backend) checkConfig(c *config, call *endpoint.Call) error {
	host, err := issuerHost(c.Issuer)
	if err != nil {
		return err
	}
	if c.TrustDomain == "" {
		c.TrustDomain = host
	}
	if c.DefaultTTL == 0 {
		c.DefaultTTL = min(defaults.DefaultTTL, c.MaxTTL)
	}
	if c.MaxTTL == 0 {
		c.MaxTTL = defaults.MaxTTL
	}
	mount := ramp.Seconds(b.System().MaxLeaseTTL() / time.Second)
	if mount > 0 && c.MaxTTL > mount {
		if call.Has("max_ttl") && c.MaxTTL != defaults.MaxTTL {
			return endpoint.BadRequest("max_ttl %ds is above the max_lease_ttl %ds of the mount; tune the mount first: vault secrets tune -max-lease-ttl=… <mount>", c.MaxTTL, mount)
		}
		c.MaxTTL = mount
	}
	if c.DefaultTTL > c.MaxTTL {
		if call.Has("default_ttl") {
			return endpoint.BadRequest("default_ttl %ds is above max_ttl %ds", c.DefaultTTL, c.MaxTTL)
		}
		c.DefaultTTL = c.MaxTTL
	}
	switch {
	case c.DefaultTTL < 0 || c.MaxTTL < 0:
		return endpoint.BadRequest("default_ttl and max_ttl may not be negative")
	case c.NotBeforeLeeway < 0 || c.NotBeforeLeeway > 600:
		return endpoint.BadRequest("not_before_leeway must be between 0s and 10m")
	case !isTrustDomain(c.TrustDomain):
		return endpoint.BadRequest("trust_domain %.80q is not a SPIFFE trust domain: lower-case letters, digits, dots, dashes and underscores, at most 255", c.TrustDomain)
	}
	return nil
}

func issuerHost(issuer string) (string, error) {
	if issuer == "" {
		return "", endpoint.BadRequest("issuer is required: the URL under which verifiers reach this mount, for example issuer=https://vault.example.com:8200/v1/ramp")
	}
	u, err := url.Parse(issuer)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return "", endpoint.BadRequest("issuer %.200q is not a URL such as https://vault.example.com:8200/v1/ramp", issuer)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(issuer, "#"):
		return "", endpoint.BadRequest("issuer may have neither user, query nor fragment")
	case strings.HasSuffix(issuer, "/"):
		return "", endpoint.BadRequest("issuer may not end with a slash; verifiers compare it byte for byte")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return "", endpoint.BadRequest("issuer must use https; plain http is for loopback addresses only")
	case u.Scheme != "https" && u.Scheme != "http":
		return "", endpoint.BadRequest("issuer must be an https URL, it has the scheme %.20q", u.Scheme)
	}
	host := strings.ToLower(u.Hostname())
	if strings.Contains(host, ":") {
		host = "localhost" // an IPv6 address is no trust domain
	}
	return host, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func isTrustDomain(s string) bool {
	return s != "" && len(s) <= 255 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789.-_") == ""
}
