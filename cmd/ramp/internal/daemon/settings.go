package daemon

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/vault"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/condition"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/certs"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/egress"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
)

// What packages want to be told, of what the file says.

func (v *Vault) config() vault.Config {
	c := vault.Config{Address: v.Address, Namespace: v.Namespace, CACert: v.CACert, Mount: v.Mount, TokenFile: v.TokenFile}
	if a := v.Auth; a != nil {
		c.Auth = &vault.Auth{
			Method: a.Method, Mount: a.Mount, Role: a.Role, JWTFile: a.JWTFile,
			RoleIDFile: a.RoleIDFile, SecretIDFile: a.SecretIDFile, SecretIDWrapped: a.SecretIDWrapped,
		}
	}
	return c
}

func (c *Config) verifier(onError func(error)) (verify.Config, error) {
	in := c.Ingress
	made := verify.Config{
		Issuer: c.Issuer, Audience: c.Audience, Origin: in.Origin, Endpoints: in.Endpoints, Relays: in.Relays,
		MaxStaleness: in.MaxStaleness.value(), AcceptStale: in.AcceptStale,
		Conditions: condition.NewUseCompiler().Compile, OnError: onError,
	}
	file := c.issuerCA()
	if file == "" {
		return made, nil
	}
	trust, err := trusting(file)
	if err != nil {
		return made, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = trust
	made.Client = &http.Client{Transport: transport}
	return made, nil
}

func (in *Ingress) proxy(g gate.Config) (proxy.Config, error) {
	c := proxy.Config{
		Gate:     g,
		Upstream: proxy.Upstream{URL: in.Upstream, Host: in.UpstreamHost, Timeout: in.UpstreamTimeout.value()},
	}
	if l := in.Limits; l != nil {
		c.MaxRequests, c.MaxRequestsPerCaller, c.Stall = l.Requests, l.PerCaller, l.Stall.value()
	}
	var err error
	if in.UpstreamCAFile != "" {
		c.Upstream.TLS, err = trusting(in.UpstreamCAFile)
	}
	return c, err
}

func (in *Ingress) routes() []gate.Route {
	var all []gate.Route
	for _, r := range in.Routes {
		all = append(all, r.route())
	}
	return all
}

func (r *Route) route() gate.Route {
	return gate.Route{Pattern: r.Pattern, Scopes: r.Scopes, Condition: r.Condition, Public: r.Public}
}

// serverTLS is nil without a tls block.
func (in *Ingress) serverTLS(onError func(error)) (*tls.Config, error) {
	t := in.TLS
	if t == nil {
		return nil, nil
	}
	files := certs.Files{Certificate: t.CertFile, Key: t.KeyFile, ClientCA: t.ClientCAFile, OnError: onError}
	switch {
	case t.RequestAnyClientCertificate && (t.RequireClientCertificate || t.ClientCAFile != ""):
		return nil, fmt.Errorf("tls: request_any_client_certificate goes without client_ca_file and require_client_certificate")
	case t.RequestAnyClientCertificate:
		files.ClientAuth = certs.Any
	case t.RequireClientCertificate:
		files.ClientAuth = certs.Required
	case t.ClientCAFile != "":
		files.ClientAuth = certs.Optional
	}
	return certs.Load(files)
}

func (in *Ingress) listener() proxy.Listener {
	l := proxy.Listener{Address: in.Listen}
	if m := in.Limits; m != nil {
		l.MaxConnections, l.MaxHeaderBytes, l.Stall = m.Connections, m.HeaderBytes, m.Stall.value()
		l.HeaderTimeout, l.IdleTimeout = m.HeaderTimeout.value(), m.IdleTimeout.value()
	}
	return l
}

func (e *Egress) config() (egress.Config, error) {
	c := egress.Config{Upstream: e.Upstream, Plaintext: e.Plaintext, Proof: egress.Proof(e.Proof)}
	if (e.CertFile == "") != (e.KeyFile == "") {
		return c, fmt.Errorf("cert_file and key_file go together")
	}
	if e.CertFile != "" {
		c.Certificate = func() (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(e.CertFile, e.KeyFile)
			return &pair, err
		}
		if _, err := c.Certificate(); err != nil {
			return c, err
		}
	}
	var err error
	if e.UpstreamCAFile != "" {
		c.TLS, err = trusting(e.UpstreamCAFile)
	}
	return c, err
}

func (e *Egress) ask() vault.Ask {
	return vault.Ask{Role: e.Role, Scopes: e.Scopes, TTL: e.TTL.value(), Generation: e.Generation}
}

func trusting(file string) (*tls.Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s has no certificate", file)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}, nil
}
