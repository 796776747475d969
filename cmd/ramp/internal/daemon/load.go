package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclparse"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/egress"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
)

// Load reads a configuration file and checks all of it that can be checked
// without reaching anybody. Errors have positions, one a line.
func Load(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, bad := hclparse.NewParser().ParseHCL(text, path)
	var c Config
	if !bad.HasErrors() {
		bad = append(bad, gohcl.DecodeBody(file.Body, nil, &c)...)
	}
	if bad.HasErrors() {
		return nil, errors.Join(bad.Errs()...)
	}
	c.read()
	return &c, c.check(path)
}

// problems collects what is wrong, and where.
type problems []error

func (p *problems) add(at hcl.Range, format string, args ...any) {
	*p = append(*p, fmt.Errorf("%s: %s", at, fmt.Sprintf(format, args...)))
}

func (p *problems) check(at hcl.Range, err error) {
	if err != nil {
		p.add(at, "%v", err)
	}
}

func (p *problems) durations(at hcl.Range, all map[string]duration) {
	for name, d := range all {
		if v, err := time.ParseDuration(string(d)); d != "" && (err != nil || v < 0) {
			p.add(at, "%s is %.40q, use a duration such as \"30s\"", name, d)
		}
	}
}

func (c *Config) check(path string) error {
	var p problems
	whole := hcl.Range{Filename: path, Start: hcl.InitialPos, End: hcl.InitialPos}
	if c.Ingress == nil && len(c.Egress) == 0 {
		p.add(whole, "there is nothing to do: add an ingress block, or egress blocks")
	}
	if c.Ingress != nil && (c.Issuer == "" || c.Audience == "") {
		p.add(whole, "ingress needs issuer and audience at the top: whose tokens, and for whom")
	}
	if len(c.Egress) > 0 && c.Vault == nil {
		p.add(whole, "egress needs a vault block: where credentials come from")
	}
	if c.ExtAuthz != nil && c.Ingress == nil {
		p.add(c.ExtAuthz.At, "ext_authz decides by the routes of an ingress block")
	}
	if c.ExtAuthz != nil {
		if err := egress.CheckListen(c.ExtAuthz.Listen, false); err != nil {
			p.add(c.ExtAuthz.At, "ext_authz: what Envoy asks has tokens in it: listen on 127.0.0.1 or a unix socket")
		}
	}
	p.durations(whole, map[string]duration{"drain": c.Drain, "shutdown_delay": c.Delay})
	if c.Vault != nil {
		vault := c.Vault.config()
		p.check(c.Vault.At, vault.Check())
	}
	c.checkIngress(&p)
	c.checkEgress(&p)
	c.checkListeners(&p)
	return errors.Join(p...)
}

func (c *Config) checkIngress(p *problems) {
	in := c.Ingress
	if in == nil {
		return
	}
	before := len(*p)
	p.durations(in.At, map[string]duration{"upstream_timeout": in.UpstreamTimeout, "max_staleness": in.MaxStaleness, "report_every": in.Report})
	if l := in.Limits; l != nil {
		p.durations(in.At, map[string]duration{"header_timeout": l.HeaderTimeout, "idle_timeout": l.IdleTimeout, "stall": l.Stall})
	}
	if (in.Listen == "") != (in.Upstream == "") || in.Listen == "" && c.ExtAuthz == nil {
		p.add(in.At, "ingress needs listen and upstream, both, unless ext_authz alone uses its routes")
	}
	for _, r := range in.Routes {
		if _, err := gate.New(gate.Config{Routes: []gate.Route{r.route()}}); err != nil {
			p.check(r.At, err)
		}
	}
	if l := in.AccessLog; l != nil && (l.WhenFull != "" && l.WhenFull != "drop" && l.WhenFull != "wait" || l.Queue < 0) {
		p.add(in.At, "access_log: when_full is drop or wait, and queue is not negative")
	}
	_, err := in.serverTLS(nil)
	p.check(in.At, err)
	if len(*p) > before || c.Issuer == "" || c.Audience == "" {
		return // what follows would only say it again
	}
	known, err := c.verifier(nil)
	if err == nil {
		_, err = verify.New(ended(), known)
	}
	if !errors.Is(err, context.Canceled) { // it would have asked the issuer
		p.check(in.At, err)
	}
	_, err = gate.New(gate.Config{Routes: in.routes()})
	p.check(in.At, err)
	if err == nil && in.Upstream != "" {
		checked, err := in.proxy(gate.Config{Routes: in.routes(), Verifier: &verify.Verifier{}})
		if err == nil {
			_, err = proxy.New(checked)
		}
		p.check(in.At, err)
	}
}

// ended is a context in which nobody is reached.
func ended() context.Context {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	return ctx
}

func (c *Config) checkEgress(p *problems) {
	names := map[string]bool{}
	for _, e := range c.Egress {
		if names[e.Name] {
			p.add(e.At, "there are two egress blocks %q", e.Name)
		}
		names[e.Name] = true
		p.durations(e.At, map[string]duration{"ttl": e.TTL})
		if e.Role == "" || strings.ContainsAny(e.Role, "/ ") {
			p.add(e.At, "role is %.40q, use the name of a contract", e.Role)
		}
		settings, err := e.config()
		if err == nil {
			err = settings.Check()
		}
		p.check(e.At, err)
		p.check(e.At, egress.CheckListen(e.Listen, e.Exposed))
	}
}

// isAddress reports whether an address is a host and a port that there may be.
func isAddress(address string) bool {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	return err == nil
}

func (c *Config) checkListeners(p *problems) {
	taken := map[string]bool{}
	check := func(at hcl.Range, address string, unix bool) {
		path, ok := strings.CutPrefix(address, "unix:")
		socket := ok && unix && path != ""
		if !socket && !isAddress(address) {
			p.add(at, "listen is %.200q, use an address such as 127.0.0.1:8443", address)
		}
		if taken[address] {
			p.add(at, "two blocks listen on %s", address)
		}
		taken[address] = true
	}
	if c.Ingress != nil && c.Ingress.Listen != "" {
		check(c.Ingress.At, c.Ingress.Listen, false)
	}
	for _, e := range c.Egress {
		check(e.At, e.Listen, true)
	}
	if c.ExtAuthz != nil {
		check(c.ExtAuthz.At, c.ExtAuthz.Listen, true)
	}
	if c.Admin != nil {
		check(c.Admin.At, c.Admin.Listen, false)
	}
}
