package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/vault"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/egress"
)

// exits are the ways out, and the Vault that their credentials come from.
type exits struct {
	vault   *Vault
	session *vault.Session // nil without a vault block
	ways    map[string]*way
}

type way struct {
	*egress.Transport
	settings Egress
}

// handler is what answers at the way's listener.
func (w *way) handler() http.Handler {
	if w.settings.Exposed || strings.HasPrefix(w.settings.Listen, "unix:") {
		return w.Handler()
	}
	return w.Local(w.Handler())
}

// newExits makes the exits of a configuration, with what is unchanged of the
// old ones, which may be nil.
func newExits(c *Config, old *exits, log *slog.Logger) (*exits, error) {
	e := &exits{vault: c.Vault, ways: map[string]*way{}}
	if old != nil && same(old.vault, c.Vault) {
		e.session = old.session
	} else if c.Vault != nil {
		settings := c.Vault.config()
		log := log.With("part", "vault")
		settings.OnError = sparing(func(err error) { log.Error("cannot use Vault", "error", err) })
		settings.OnRecovery = func() { log.Info("Vault can be used again") }
		settings.OnWarning = func(text string) { log.Warn("Vault warns", "warning", text) }
		var err error
		if e.session, err = vault.Open(settings); err != nil {
			return nil, err
		}
	}
	for _, settings := range c.Egress {
		w, err := e.way(settings, old, log.With("egress", settings.Name))
		if err != nil {
			e.drop(old)
			return nil, err
		}
		e.ways[settings.Name] = w
	}
	return e, nil
}

func (e *exits) way(settings Egress, old *exits, log *slog.Logger) (*way, error) {
	if old != nil && old.session == e.session {
		if have := old.ways[settings.Name]; have != nil && same(have.settings, settings) {
			return have, nil
		}
	}
	made, err := settings.config()
	if err != nil {
		return nil, err
	}
	made.Source = e.session.Source(settings.ask())
	made.OnError = sparing(func(err error) { log.Error("trouble with the credential", "error", err) })
	made.OnRecovery = func() { log.Info("credentials can be had again") }
	t, err := egress.New(made)
	return &way{t, settings}, err
}

// await waits until each way has a credential, or an answer that there is none.
func (e *exits) await(ctx context.Context) {
	var all sync.WaitGroup
	for _, w := range e.ways {
		all.Go(func() { _ = w.Wait(ctx) })
	}
	all.Wait()
}

// ready returns nil, or which ways have no credential, and why.
func (e *exits) ready(ctx context.Context) error {
	var all []error
	for name, w := range e.ways {
		if err := w.Wait(ctx); err != nil {
			all = append(all, fmt.Errorf("egress %q: %w", name, err))
		}
	}
	return errors.Join(all...)
}

// drop closes what is not in kept, which may be nil: first the credentials,
// then the login.
func (e *exits) drop(kept *exits) {
	var all sync.WaitGroup
	for name, w := range e.ways {
		if kept == nil || kept.ways[name] != w {
			all.Go(w.Close)
		}
	}
	all.Wait()
	if e.session != nil && (kept == nil || kept.session != e.session) {
		e.session.Close()
	}
}

// settling is how long a reload waits for new credentials before it goes on.
const settling = 10 * time.Second

// reminder is how often the same error is worth another line.
const reminder = time.Minute

// sparing tells an error that is the same as the last one only now and then.
func sparing(tell func(error)) func(error) {
	var mu sync.Mutex
	var last string
	var at time.Time
	return func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if err.Error() != last || time.Since(at) > reminder {
			last, at = err.Error(), time.Now()
			tell(err)
		}
	}
}
