package backend

import (
	"context"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// settings are the fields of config, as written, stored and read.
type settings struct {
	Issuer          string       `json:"issuer" doc:"URL that tokens name as their issuer and under which verifiers find this mount: https://<vault>/v1/<mount>. Plain http is for loopback addresses only. Required before anything is minted."`
	TrustDomain     string       `json:"trust_domain" doc:"SPIFFE trust domain. Default: the host name of the issuer."`
	DefaultTTL      ramp.Seconds `json:"default_ttl" doc:"Life of a credential between renewals when its contract does not say. Default: 15m."`
	MaxTTL          ramp.Seconds `json:"max_ttl" doc:"Longest life of any credential, at most the max_lease_ttl of the mount. Default: 24h."`
	NotBeforeLeeway ramp.Seconds `json:"not_before_leeway" doc:"How far nbf is back-dated for clocks that are behind. Default: 30s."`
	Ledger          string       `json:"ledger" doc:"on or off: whether what happens is recorded in the ledger. Default: on."`
	LedgerRetention ramp.Seconds `json:"ledger_retention" doc:"Age at which the ledger drops the bodies of entries. Hashes and proofs stay. Default: 0, never."`
}

var defaults = settings{DefaultTTL: 15 * 60, MaxTTL: 24 * 3600, NotBeforeLeeway: 30, Ledger: ledgerOn}

const (
	ledgerOn  = "on"
	ledgerOff = "off"
)

// config is settings with defaults filled in, and what follows from them.
type config struct {
	settings
	// Horizon is when the last token issued under a longer max_ttl than
	// today's expires (NumericDate), zero when that was never lowered.
	Horizon int64 `json:"horizon,omitempty"`

	mount ramp.Seconds // max_lease_ttl of the mount, which may be tuned any time
}

// horizon is when the last of the tokens issued until then expires. It goes by
// the configured max_ttl even when the mount allows less: it may have allowed
// more before.
func (c *config) horizon(then time.Time) time.Time {
	h := then.Add(time.Duration(c.MaxTTL) * time.Second)
	if earlier := time.Unix(c.Horizon, 0); earlier.After(h) {
		return earlier
	}
	return h
}

// limits is what the mount imposes on contracts.
func (c *config) limits() ramp.Limits {
	longest := c.MaxTTL
	if c.mount > 0 {
		longest = min(longest, c.mount)
	}
	return ramp.Limits{TrustDomain: c.TrustDomain, DefaultTTL: min(c.DefaultTTL, longest), MaxTTL: longest}
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
	b.configMu.Lock()
	defer b.configMu.Unlock()
	c, err := get[config](ctx, s, configKey)
	if err != nil {
		return err
	}
	if c == nil {
		c = &config{settings: defaults}
	}
	if c.Ledger == "" {
		c.Ledger = ledgerOn // stored by a version that had none
	}
	c.mount = b.mountMaxTTL()
	b.useConfig(c)
	return nil
}

func (b *backend) useConfig(c *config) {
	b.config.Store(c)
	b.recording.Store(c.Ledger == ledgerOn)
}

func (b *backend) mountMaxTTL() ramp.Seconds {
	return ramp.Seconds(b.System().MaxLeaseTTL() / time.Second)
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
	if was.Issuer != "" && c.MaxTTL < was.MaxTTL { // before the first config nothing was issued
		c.Horizon = was.horizon(b.now()).Unix()
	}
	if c.Ledger == ledgerOn {
		if err := b.journal.Begin(ctx, ledger.Origin(c.Issuer)); err != nil {
			return nil, err
		}
		b.recording.Store(true) // this write is the first that is recorded
	}
	if err := b.changeConfig(ctx, call, was, &c); err != nil {
		b.recording.Store(was.Ledger == ledgerOn)
		return nil, err
	}
	return nil, nil
}

func (b *backend) changeConfig(ctx context.Context, call *endpoint.Call, was, c *config) error {
	if err := b.ensureDefaultKeys(ctx, call.Storage); err != nil {
		return err
	}
	told := &event{kind: kindConfigWrite, detail: "wrote " + strings.Join(slices.Sorted(maps.Keys(call.Data)), ", ")}
	if c.Ledger != was.Ledger {
		told.detail += "; the ledger is " + c.Ledger
	}
	if err := b.tell(ctx, told); err != nil {
		return err
	}
	if err := put(ctx, call.Storage, configKey, c); err != nil {
		b.essentials.forget()
		return err
	}
	b.useConfig(c)
	b.lists.forgetAll()
	return nil
}

func (b *backend) checkConfig(c *config, call *endpoint.Call) error {
	host, err := issuerHost(c.Issuer)
	if err != nil {
		return err
	}
	if c.TrustDomain == "" {
		c.TrustDomain = host
	}
	if c.Ledger == "" {
		c.Ledger = ledgerOn
	}
	if c.Ledger != ledgerOn && c.Ledger != ledgerOff {
		return endpoint.BadRequest("ledger %.40q must be on or off", c.Ledger)
	}
	if c.MaxTTL == 0 {
		c.MaxTTL = defaults.MaxTTL
	}
	if c.mount = b.mountMaxTTL(); call.Has("max_ttl") && c.mount > 0 && c.MaxTTL > c.mount {
		return endpoint.BadRequest("max_ttl %ds is above the max_lease_ttl %ds of the mount; tune the mount first: vault secrets tune -max-lease-ttl=… <mount>", c.MaxTTL, c.mount)
	}
	if c.DefaultTTL == 0 || c.DefaultTTL > c.MaxTTL && !call.Has("default_ttl") {
		c.DefaultTTL = min(defaults.DefaultTTL, c.MaxTTL)
	}
	if c.DefaultTTL > c.MaxTTL {
		return endpoint.BadRequest("default_ttl %ds is above max_ttl %ds", c.DefaultTTL, c.MaxTTL)
	}
	switch {
	case c.DefaultTTL < 0 || c.MaxTTL < 0:
		return endpoint.BadRequest("default_ttl and max_ttl may not be negative")
	case c.LedgerRetention < 0:
		return endpoint.BadRequest("ledger_retention may not be negative; 0 keeps everything")
	case c.NotBeforeLeeway < 0 || c.NotBeforeLeeway > 600:
		return endpoint.BadRequest("not_before_leeway must be between 0s and 10m")
	case !isTrustDomain(c.TrustDomain):
		return endpoint.BadRequest("trust_domain %.80q is not a SPIFFE trust domain: lower-case letters, digits, dots, dashes and underscores, at most 255", c.TrustDomain)
	}
	return nil
}

const maxIssuer = 1024 // every token carries it

func issuerHost(issuer string) (string, error) {
	if issuer == "" {
		return "", endpoint.BadRequest("issuer is required: the URL under which verifiers reach this mount, for example issuer=https://vault.example.com:8200/v1/ramp")
	}
	if len(issuer) > maxIssuer {
		return "", endpoint.BadRequest("issuer has %d bytes, the limit is %d", len(issuer), maxIssuer)
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
