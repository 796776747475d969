package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/accesslog"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/egress"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/evidence"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
)

const (
	usualDrain  = 30 * time.Second
	usualReport = time.Minute
	unlimited   = 24 * time.Hour // for callers on this host to take an answer
)

// Daemon is a running ramp proxy.
type Daemon struct {
	path string
	log  *slog.Logger

	entrance  entrance
	listeners listeners
	authz     authz
	access    *accesslog.Log // nil without access_log
	evidence  evidence.Counter
	reporting reporting
	metrics   *gate.Metrics
	ending    atomic.Bool
	later     sync.WaitGroup     // what goes on beside the listeners, until their requests have ended
	now       context.Context    // of later
	hurry     context.CancelFunc // ends now

	entering sync.Mutex // one at a time, and by the configuration that counts then

	mu     sync.Mutex // of what a reload changes
	config *Config
	exits  *exits
}

// Run serves by a configuration file until ctx ends; then it lets requests
// end and revokes its credentials, after shutdown_delay, which a signal to the
// process cuts short. A value from reload makes it read the file again. The
// error says why it does not start. It takes the process for its own, and has
// garbage collected less often unless GOGC says how often.
func Run(ctx context.Context, path string, reload <-chan os.Signal, log *slog.Logger) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // most memory is gone with its request: a quarter less CPU
	}
	c, err := Load(path)
	if err != nil {
		return err
	}
	d := &Daemon{path: path, log: log, config: c}
	d.now, d.hurry = context.WithCancel(context.Background())
	d.listeners.log, d.listeners.ending = log, &d.ending
	if err := d.start(ctx, c); err != nil {
		return err
	}
	for {
		select {
		case <-reload:
			if err := d.reload(ctx); err != nil {
				log.Error("not reloaded; the configuration from before stays in use", "error", err)
			} else {
				log.Info("reloaded")
			}
		case <-ctx.Done():
			d.end()
			return nil
		}
	}
}

func (d *Daemon) start(ctx context.Context, c *Config) (err error) {
	if d.access, err = openLog(c, d.log); err != nil {
		return err
	}
	d.metrics = gate.NewMetrics(d.access, &d.evidence)
	if c.Ingress != nil {
		d.entrance.close(d.gate(c))
	}
	out, err := newExits(c, nil, d.log)
	if err != nil {
		return err
	}
	if err := d.turn(c, out); err != nil {
		out.drop(nil)
		return err
	}
	d.metrics.Registry.MustRegister(d, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if c.Ingress != nil {
		d.later.Go(func() {
			d.entrance.await(d.now, d.enterSettled, func(err error) {
				d.log.Error("requests are refused until the issuer is reached", "error", err)
			})
			if now := d.entrance.ready.Load(); now != nil {
				d.log.Info("the issuer is followed", "issuer", now.file.Issuer, "audience", now.file.Audience)
			}
		})
	}
	return nil
}

// settled is the configuration that counts now.
func (d *Daemon) settled() *Config {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.config
}

func (d *Daemon) enterSettled() error {
	d.entering.Lock()
	defer d.entering.Unlock()
	return d.enter(d.settled())
}

func (d *Daemon) enter(c *Config) error {
	known, err := c.verifier(func(err error) { d.log.Error("the issuer cannot be followed", "error", err) })
	if err != nil {
		return err
	}
	known.OnRecovery = func(after time.Duration) { d.log.Info("the issuer is followed again", "after", after) }
	old, err := d.entrance.enter(d.now, c, known, d.gate(c))
	if old != nil {
		d.afterwards(c, old.Close)
	}
	return err
}

// gate is what to decide by, but for the verifier.
func (d *Daemon) gate(c *Config) gate.Config {
	in := c.Ingress
	g := gate.Config{Routes: in.routes(), ForwardToken: in.ForwardToken, Log: d.access, Metrics: d.metrics}
	g.LogQuery = in.AccessLog != nil && in.AccessLog.Query
	if c.reportEvery() > 0 {
		g.Evidence = &d.evidence
	}
	return g
}

// afterwards does something when requests that have begun have had their time.
func (d *Daemon) afterwards(c *Config, do func()) {
	d.later.Go(func() {
		select {
		case <-time.After(c.Drain.or(usualDrain)):
		case <-d.now.Done():
		}
		do()
	})
}

// reload takes a changed file over, all of it or nothing.
func (d *Daemon) reload(ctx context.Context) error {
	if d.access != nil {
		if err := d.access.Reopen(); err != nil {
			d.log.Error("the access log could not be opened again", "error", err)
		}
	}
	c, err := Load(d.path)
	if err != nil {
		return err
	}
	old := d.exits
	if (c.Ingress == nil) != (d.config.Ingress == nil) || c.Ingress != nil && !same(c.Ingress.AccessLog, d.config.Ingress.AccessLog) {
		return errors.New("access_log, and whether there is ingress, changes with a restart only")
	}
	out, err := newExits(c, old, d.log)
	if err != nil {
		return err
	}
	waiting, stop := context.WithTimeout(ctx, settling)
	defer stop()
	out.await(waiting)
	d.entering.Lock()
	defer d.entering.Unlock()
	if err := d.turn(c, out); err != nil {
		out.drop(old)
		return err
	}
	d.afterwards(c, func() { old.drop(out) })
	return nil
}

// turn goes over to a configuration. What can fail comes first, and when it
// does nothing has changed.
func (d *Daemon) turn(c *Config, out *exits) error {
	all, err := d.wanted(c, out)
	if err != nil {
		return err
	}
	opened, err := d.listeners.prepare(all)
	if err != nil {
		return err
	}
	envoy, err := d.authz.prepare(c.ExtAuthz)
	if err == nil && c.Ingress != nil && d.entrance.ready.Load() != nil {
		err = d.enter(c)
	}
	if err != nil {
		for _, l := range append(slices.Collect(maps.Values(opened)), envoy) {
			if l != nil {
				_ = l.Close()
			}
		}
		return err
	}
	d.mu.Lock()
	d.config, d.exits = c, out
	d.mu.Unlock()
	d.listeners.turn(opened, all)
	d.authz.turn(c.ExtAuthz, envoy, d.entrance.authz, c.Drain.or(usualDrain), d.log)
	d.report(c)
	return nil
}

func (d *Daemon) wanted(c *Config, out *exits) ([]wanted, error) {
	var all []wanted
	drain := c.Drain.or(usualDrain)
	tcp := func(address string) func() (net.Listener, error) {
		return func() (net.Listener, error) { return net.Listen("tcp", address) }
	}
	if in := c.Ingress; in != nil && in.Listen != "" {
		l := in.listener()
		l.Drain = drain
		var err error
		if l.TLS, err = in.serverTLS(func(err error) { d.log.Error("certificate", "error", err) }); err != nil {
			return nil, err
		}
		all = append(all, wanted{l, []any{in.TLS, in.Limits, c.Drain}, tcp(in.Listen), &d.entrance})
	}
	for _, e := range c.Egress {
		all = append(all, wanted{
			proxy.Listener{Address: e.Listen, Stall: unlimited, Drain: drain}, c.Drain,
			func() (net.Listener, error) { return egress.Listen(e.Listen, e.Exposed) }, out.ways[e.Name].handler(),
		})
	}
	if c.Admin != nil {
		all = append(all, wanted{proxy.Listener{Address: c.Admin.Listen, Drain: time.Second}, nil, tcp(c.Admin.Listen), d.admin()})
	}
	return all, nil
}

// linger makes the proxy unready and serves on, so that load balancers find out
// before anything closes. A signal to end, the second one then, cuts it short.
func (d *Daemon) linger() {
	delay := d.settled().Delay.value()
	if delay <= 0 {
		d.ending.Store(true)
		return
	}
	enough, stop := signal.NotifyContext(d.now, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	d.ending.Store(true)
	d.log.Info("not ready any more, serving goes on", "shutdown_delay", delay)
	select {
	case <-time.After(delay):
	case <-enough.Done():
	}
}

// end finishes: listeners, credentials, login, log, in this order.
func (d *Daemon) end() {
	d.log.Info("shutting down")
	d.linger()
	d.authz.close()
	d.listeners.close()
	d.hurry()
	d.later.Wait()
	d.exits.drop(nil)
	if now := d.entrance.ready.Load(); now != nil {
		now.verifier.Close()
	}
	if d.access != nil {
		_ = d.access.Close()
	}
}

// reporting is how often evidence is reported; zero is never.
type reporting struct {
	every time.Duration
	stop  context.CancelFunc // nil for never
}

func (c *Config) reportEvery() time.Duration {
	if c.Ingress == nil || c.Vault == nil {
		return 0
	}
	return c.Ingress.Report.or(usualReport)
}

// report reports evidence as often as a configuration says, by whatever login
// there is.
func (d *Daemon) report(c *Config) {
	every := c.reportEvery()
	if every == d.reporting.every {
		return
	}
	if d.reporting.stop != nil {
		d.reporting.stop()
	}
	d.reporting = reporting{every: every}
	if every == 0 {
		return
	}
	var ctx context.Context
	ctx, d.reporting.stop = context.WithCancel(d.now)
	d.later.Go(func() {
		d.evidence.Run(ctx, reporter{d}, every, func(err error) { d.log.Error("evidence is not reported yet", "error", err) })
	})
}

type reporter struct{ *Daemon }

func (r reporter) Report(ctx context.Context, id string, counts []evidence.Count) error {
	r.mu.Lock()
	session := r.exits.session
	r.mu.Unlock()
	if session == nil {
		return errors.New("there is no vault block any more")
	}
	return session.Reporter().Report(ctx, id, counts)
}

// openLog is nil without an access log.
func openLog(c *Config, log *slog.Logger) (*accesslog.Log, error) {
	if c.Ingress == nil || c.Ingress.AccessLog == nil {
		return nil, nil
	}
	l := c.Ingress.AccessLog
	var to io.Writer = struct{ io.Writer }{os.Stdout} // not to be closed
	if l.Path != "-" {
		file, err := accesslog.OpenFile(l.Path)
		if err != nil {
			return nil, fmt.Errorf("access_log: %w", err)
		}
		to = file
	}
	return accesslog.New(accesslog.Config{
		Writer: to, Queue: l.Queue, Block: l.WhenFull == "wait",
		OnError: func(err error) { log.Error("the access log cannot be written", "error", err) },
	}), nil
}
