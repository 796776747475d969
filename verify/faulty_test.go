package verify_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// faulty is the way to an issuer, with a fault on it.
type faulty struct {
	*verifytest.Issuer
	url   string
	fault atomic.Pointer[fault] // of the feed
	keys  atomic.Pointer[fault] // of the JWKS

	mu         sync.Mutex
	said       []string // by the verifier
	recoveries atomic.Int64
}

// fault answers a request instead of the issuer.
type fault func(w http.ResponseWriter, r *http.Request, issuer http.Handler)

func newFaulty(t *testing.T) *faulty {
	t.Helper()
	f := &faulty{Issuer: verifytest.New(t)}
	f.url = f.serve(t) + "/v1/ramp"
	return f
}

func (f *faulty) serve(t *testing.T) string {
	t.Helper()
	target, err := url.Parse(strings.TrimSuffix(f.URL, "/v1/ramp"))
	if err != nil {
		t.Fatal(err)
	}
	issuer := httputil.NewSingleHostReverseProxy(target)
	issuer.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fault := f.fault.Load(); fault != nil && strings.HasSuffix(r.URL.Path, "/feed") {
			(*fault)(w, r, issuer)
			return
		}
		if fault := f.keys.Load(); fault != nil && strings.HasSuffix(r.URL.Path, "/jwks.json") {
			(*fault)(w, r, issuer)
			return
		}
		issuer.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func (f *faulty) set(fault fault) { f.fault.Store(orNil(fault)) }

func (f *faulty) setKeys(fault fault) { f.keys.Store(orNil(fault)) }

func orNil(f fault) *fault {
	if f == nil {
		return nil
	}
	return &f
}

// config is of a verifier that gives up soon.
func (f *faulty) config(c *verify.Config) {
	c.Endpoints = []string{f.url}
	c.MaxStaleness = 2 * time.Second
	c.OnError = func(err error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.said = append(f.said, err.Error())
	}
}

// has reports whether the verifier has said something.
func (f *faulty) has(text string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.said {
		if strings.Contains(s, text) {
			return true
		}
	}
	return false
}

func message(w http.ResponseWriter, jws string) { _, _ = io.WriteString(w, jws) }

// now is an empty message for whoever stands at the cursor of the question.
func (f *faulty) now(r *http.Request) revocation.Feed {
	var after uint64
	_, _ = fmt.Sscan(r.FormValue("after"), &after)
	return revocation.Feed{Issuer: f.URL, IssuedAt: time.Now().Unix(), Cursor: after, After: after}
}

// aheadOf is a clock that the test and the issuer share.
func aheadOf(f *faulty) (*atomic.Int64, func(*verify.Config)) {
	var ahead atomic.Int64
	f.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	return &ahead, func(c *verify.Config) { f.config(c); c.Now = f.Now }
}
