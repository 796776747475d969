// Package daemon is what ramp proxy runs: listeners and what is behind them,
// built from a configuration file and rebuilt when it changes.
package daemon

import (
	"bytes"
	"encoding/json"
	"os"
	"time"

	"github.com/hashicorp/hcl/v2"
)

// Config is a configuration file. Positions are for errors and make no
// difference.
type Config struct {
	Issuer   string    `hcl:"issuer,optional"`
	Audience string    `hcl:"audience,optional"`
	Drain    duration  `hcl:"drain,optional"`
	Delay    duration  `hcl:"shutdown_delay,optional"`
	Vault    *Vault    `hcl:"vault,block"`
	Ingress  *Ingress  `hcl:"ingress,block"`
	Egress   []Egress  `hcl:"egress,block"`
	ExtAuthz *ExtAuthz `hcl:"ext_authz,block"`
	Admin    *Admin    `hcl:"admin,block"`
}

// Vault is how to be somebody there.
type Vault struct {
	Address   string    `hcl:"address,optional"`
	Namespace string    `hcl:"namespace,optional"`
	CACert    string    `hcl:"ca_cert,optional"`
	Mount     string    `hcl:"mount,optional"`
	TokenFile string    `hcl:"token_file,optional"`
	Auth      *Auth     `hcl:"auth,block"`
	At        hcl.Range `hcl:",def_range" json:"-"`
	CA        string    // content of CACert
}

// Auth is a login.
type Auth struct {
	Method          string `hcl:"method,label"`
	Mount           string `hcl:"mount,optional"`
	Role            string `hcl:"role,optional"`
	JWTFile         string `hcl:"jwt_file,optional"`
	RoleIDFile      string `hcl:"role_id_file,optional"`
	SecretIDFile    string `hcl:"secret_id_file,optional"`
	SecretIDWrapped bool   `hcl:"secret_id_wrapped,optional"`
}

// Ingress is the way to the service.
type Ingress struct {
	Listen   string `hcl:"listen,optional"`
	Upstream string `hcl:"upstream,optional"`

	UpstreamHost    string   `hcl:"upstream_host,optional"`
	UpstreamCAFile  string   `hcl:"upstream_ca_file,optional"`
	UpstreamTimeout duration `hcl:"upstream_timeout,optional"`
	ForwardToken    bool     `hcl:"forward_token,optional"`

	Origin       string   `hcl:"origin,optional"`
	Endpoints    []string `hcl:"endpoints,optional"`
	Relays       []string `hcl:"relays,optional"`
	CAFile       string   `hcl:"issuer_ca_file,optional"`
	MaxStaleness duration `hcl:"max_staleness,optional"`
	AcceptStale  bool     `hcl:"accept_stale,optional"`
	Report       duration `hcl:"report_every,optional"`

	TLS       *TLS       `hcl:"tls,block"`
	Routes    []Route    `hcl:"route,block"`
	AccessLog *AccessLog `hcl:"access_log,block"`
	Limits    *Limits    `hcl:"limits,block"`
	At        hcl.Range  `hcl:",def_range" json:"-"`
	CA        string     // content of issuerCA
}

// TLS of a listener.
type TLS struct {
	CertFile                    string `hcl:"cert_file"`
	KeyFile                     string `hcl:"key_file"`
	ClientCAFile                string `hcl:"client_ca_file,optional"`
	RequireClientCertificate    bool   `hcl:"require_client_certificate,optional"`
	RequestAnyClientCertificate bool   `hcl:"request_any_client_certificate,optional"`
}

// Route says what a class of requests needs.
type Route struct {
	Pattern   string    `hcl:"pattern,label"`
	Scopes    []string  `hcl:"scopes,optional"`
	Condition string    `hcl:"condition,optional"`
	Public    bool      `hcl:"public,optional"`
	At        hcl.Range `hcl:",def_range" json:"-"`
}

// AccessLog of requests.
type AccessLog struct {
	Path     string `hcl:"path"`
	Queue    int    `hcl:"queue,optional"`
	WhenFull string `hcl:"when_full,optional"`
	Query    bool   `hcl:"query,optional"`
}

// Limits bound what callers can use up.
type Limits struct {
	Requests      int      `hcl:"requests,optional"`
	PerCaller     int      `hcl:"requests_per_caller,optional"`
	Connections   int      `hcl:"connections,optional"`
	HeaderBytes   int      `hcl:"header_bytes,optional"`
	HeaderTimeout duration `hcl:"header_timeout,optional"`
	IdleTimeout   duration `hcl:"idle_timeout,optional"`
	Stall         duration `hcl:"stall,optional"`
}

// Egress is the way to another service.
type Egress struct {
	Name           string    `hcl:"name,label"`
	Listen         string    `hcl:"listen"`
	Exposed        bool      `hcl:"exposed,optional"`
	Upstream       string    `hcl:"upstream"`
	Plaintext      bool      `hcl:"plaintext,optional"`
	Role           string    `hcl:"role"`
	Scopes         []string  `hcl:"scopes,optional"`
	TTL            duration  `hcl:"ttl,optional"`
	Generation     string    `hcl:"generation,optional"`
	Proof          string    `hcl:"proof,optional"`
	UpstreamCAFile string    `hcl:"upstream_ca_file,optional"`
	CertFile       string    `hcl:"cert_file,optional"`
	KeyFile        string    `hcl:"key_file,optional"`
	At             hcl.Range `hcl:",def_range" json:"-"`
	CA             string    // content of UpstreamCAFile
}

// ExtAuthz answers Envoy by the routes of ingress.
type ExtAuthz struct {
	Listen string    `hcl:"listen"`
	At     hcl.Range `hcl:",def_range" json:"-"`
}

// Admin has health and metrics.
type Admin struct {
	Listen string    `hcl:"listen"`
	At     hcl.Range `hcl:",def_range" json:"-"`
}

// issuerCA is the file that says who signs for the issuer, "" for the system's.
func (c *Config) issuerCA() string {
	if c.Ingress.CAFile == "" && c.Vault != nil {
		return c.Vault.CACert
	}
	return c.Ingress.CAFile
}

// read reads the files of authorities, so that configurations with other ones
// are not the same. What cannot be read is for check to find.
func (c *Config) read() {
	content := func(file string) string {
		text, _ := os.ReadFile(file)
		return string(text)
	}
	if c.Vault != nil {
		c.Vault.CA = content(c.Vault.CACert)
	}
	if c.Ingress != nil {
		c.Ingress.CA = content(c.issuerCA())
	}
	for i := range c.Egress {
		c.Egress[i].CA = content(c.Egress[i].UpstreamCAFile)
	}
}

// duration is written as "30s". Load has checked it; "" is zero.
type duration string

func (d duration) value() time.Duration {
	v, _ := time.ParseDuration(string(d))
	return v
}

func (d duration) or(usual time.Duration) time.Duration {
	if d == "" {
		return usual
	}
	return d.value()
}

// same reports whether two parts of configurations say the same.
func same(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
