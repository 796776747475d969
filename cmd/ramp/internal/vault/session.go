package vault

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"
)

// Session is a Vault token that is there when it is needed: renewed, and
// replaced before it ends or when it died.
type Session struct {
	config Config
	anon   *api.Client

	mu      sync.Mutex
	login   *login
	err     error         // why there is no login
	changed chan struct{} // closed when login or err change

	expired string // token of the file that died; only run looks

	stop context.CancelFunc
	done chan struct{}
}

// login is one token.
type login struct {
	client *api.Client
	secret *api.Secret   // nil for a token from a file
	over   chan struct{} // closed when the token died or was replaced: what it fetched ends with it
}

// Open starts to log in, and stays logged in until Close is called.
func Open(c Config) (*Session, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	anon, err := c.client()
	if err != nil {
		return nil, err
	}
	s := &Session{config: c, anon: anon, changed: make(chan struct{}), done: make(chan struct{})}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go func() {
		defer close(s.done)
		s.run(ctx)
	}()
	return s, nil
}

// Close revokes the token, unless it is from a file, and with it all that was
// fetched by it.
func (s *Session) Close() {
	s.stop()
	<-s.done
}

func (s *Session) run(ctx context.Context) {
	failures, said := 0, ""
	for ctx.Err() == nil {
		l, err := s.logIn(ctx)
		switch {
		case err == nil:
			if failures > 0 {
				s.config.OnRecovery()
			}
			failures, said = 0, ""
			s.replace(l)
			s.watch(ctx, l)
		case ctx.Err() == nil:
			if err.Error() != said { // said once
				said = err.Error()
				s.config.OnError(err)
			}
			s.failed(err)
			s.pause(ctx, failures)
			failures++
		}
	}
	s.mu.Lock()
	l := s.login
	s.set(nil, errors.New("this proxy is shutting down"))
	s.mu.Unlock()
	if l != nil && l.secret != nil {
		last, stop := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
		defer stop()
		if err := l.client.Auth().Token().RevokeSelfWithContext(last, ""); err != nil {
			s.config.OnError(brief(err))
		}
	}
}

func (s *Session) logIn(ctx context.Context) (*login, error) {
	ctx, stop := context.WithTimeout(ctx, callTimeout)
	defer stop()
	l := &login{over: make(chan struct{})}
	token, err := "", error(nil)
	if s.config.Auth != nil {
		if l.secret, err = s.config.Auth.login(ctx, s.anon); err != nil {
			return nil, err
		}
		token = l.secret.Auth.ClientToken
	} else if token, err = s.newToken(); err != nil {
		return nil, err
	}
	if l.client, err = s.anon.CloneWithHeaders(); err != nil {
		return nil, err
	}
	l.client.SetToken(token)
	return l, nil
}

// watch returns when it is time for another token.
func (s *Session) watch(ctx context.Context, l *login) {
	if l.secret == nil {
		s.watchFile(ctx, l)
		return
	}
	var near <-chan error // the end
	if l.secret.Auth.LeaseDuration > 0 {
		w, err := l.client.NewLifetimeWatcher(&api.LifetimeWatcherInput{Secret: l.secret})
		if err != nil {
			s.config.OnError(err) // it will die, and be replaced then
		} else {
			go w.Start()
			defer w.Stop()
			near = w.DoneCh()
		}
	}
	for {
		select {
		case <-near: //nolint:errcheck // why it cannot be renewed any more makes no difference
			s.pause(ctx, 0) // so that tokens of no life do not keep us and Vault busy
			return
		case <-l.over:
			return
		case <-ctx.Done():
			return
		}
	}
}

// call runs f with a client that is logged in. When the token turns out to be
// dead, it runs f once more with the next.
func (s *Session) call(ctx context.Context, f func(*login) error) error {
	for again := true; ; again = false {
		l, err := s.current(ctx)
		if err != nil {
			return err
		}
		err = brief(f(l))
		if !again || !forbidden(err) || decided(err) || !s.dead(ctx, l) {
			return err
		}
		s.discard(l)
	}
}

// dead asks Vault whether the token is known. One without the default policy
// may not ask.
func (s *Session) dead(ctx context.Context, l *login) bool {
	_, err := l.client.Auth().Token().LookupSelfWithContext(ctx)
	return forbidden(brief(err))
}

// current waits for a login, unless the last attempt failed.
func (s *Session) current(ctx context.Context) (*login, error) {
	for {
		s.mu.Lock()
		l, err, changed := s.login, s.err, s.changed
		s.mu.Unlock()
		switch {
		case l != nil:
			return l, nil
		case err != nil: // says nothing about what the caller wants: not to be unwrapped
			return nil, errors.New("not logged in to Vault: " + err.Error())
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, errors.Join(errors.New("not logged in to Vault yet"), ctx.Err())
		}
	}
}

func (s *Session) replace(l *login) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.login
	s.set(l, nil)
	if old != nil {
		close(old.over)
	}
}

// discard gives up a token that is dead.
func (s *Session) discard(l *login) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.login == l {
		s.set(nil, nil)
		close(l.over)
	}
}

// failed leaves the token in place that there is: it ends, but later.
func (s *Session) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(s.login, err)
}

func (s *Session) set(l *login, err error) {
	s.login, s.err = l, err
	close(s.changed)
	s.changed = make(chan struct{})
}

// pause waits longer after each failure, and never as long as others do. A
// file is looked at soon.
func (s *Session) pause(ctx context.Context, failures int) {
	longest := 15 * time.Second
	if s.config.Auth == nil {
		longest = fileCheck
	}
	longest = min(longest, 500*time.Millisecond<<min(failures, 5))
	select {
	case <-ctx.Done():
	case <-time.After(longest/2 + rand.N(longest/2)): //nolint:gosec // nobody gains by guessing when we ask
	}
}
