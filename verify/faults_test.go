package verify_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	ramptoken "github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// trial is a verifier behind a fault.
type trial struct {
	*faulty
	*verify.Verifier
	name, says             string
	status, doomed, expiry string // tokens
}

func (f *trial) reason(raw string) verify.Reason {
	return reason(second(f.Verify(context.Background(), raw, verify.Requirements{})))
}

// Each fault of the feed lets tokens that rely on it be refused, and no others,
// says what is wrong, and heals without a restart.
func TestFeedFaults(t *testing.T) {
	other := verifytest.New(t)
	var trials []*trial
	for name, c := range map[string]struct {
		fault func(f *faulty) fault
		says  string
	}{
		"500": {says: "500 Internal Server Error", fault: func(*faulty) fault {
			return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(500) }
		}},
		"no feed": {says: "404 Not Found", fault: func(*faulty) fault {
			return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(404) }
		}},
		"cut off": {says: "closed without an answer", fault: func(*faulty) fault {
			return func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }
		}},
		"silent": {says: "no complete answer within 2s", fault: func(*faulty) fault {
			return func(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() }
		}},
		"trickling": {says: "no complete answer within 2s", fault: func(*faulty) fault {
			return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
				for r.Context().Err() == nil {
					_, _ = io.WriteString(w, "e")
					_ = http.NewResponseController(w).Flush()
					time.Sleep(20 * time.Millisecond)
				}
			}
		}},
		"truncated": {says: "the answer breaks off", fault: func(f *faulty) fault {
			return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
				w.Header().Set("Content-Length", "1000")
				message(w, f.Sign(ramptoken.TypeFeed, f.now(r))[:100])
			}
		}},
		"truncated, and nobody noticed": {says: "not a signed message of type ramp-feed+jwt", fault: func(f *faulty) fault {
			return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
				message(w, f.Sign(ramptoken.TypeFeed, f.now(r))[:100])
			}
		}},
		"a login page": {says: "a proxy's page", fault: func(*faulty) fault {
			return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { message(w, "<html>Sign in</html>") }
		}},
		"forged with another key": {says: "a key that the issuer does not publish", fault: func(f *faulty) fault {
			return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
				message(w, other.Sign(ramptoken.TypeFeed, f.now(r)))
			}
		}},
		"forged payload": {says: "its signature does not match", fault: func(f *faulty) fault {
			return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
				jws := strings.Split(f.Sign(ramptoken.TypeFeed, f.now(r)), ".")
				later := f.now(r)
				later.Cursor++
				jws[1] = strings.Split(f.Sign(ramptoken.TypeFeed, later), ".")[1]
				message(w, strings.Join(jws, "."))
			}
		}},
		"of another issuer": {says: `it speaks for issuer "https://other.example.com"`, fault: func(f *faulty) fault {
			return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
				m := f.now(r)
				m.Issuer = "https://other.example.com"
				message(w, f.Sign(ramptoken.TypeFeed, m))
			}
		}},
		"a token instead": {says: "not a signed message of type ramp-feed+jwt", fault: func(f *faulty) fault {
			return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
				message(w, f.Issue(verifytest.Token{}))
			}
		}},
		"an older message": {says: "went back from cursor", fault: func(f *faulty) fault {
			return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
				m := f.now(r)
				m.Cursor, m.After, m.Snapshot = 1<<32, 0, true
				message(w, f.Sign(ramptoken.TypeFeed, m))
			}
		}},
		"the same message for ever": {says: "its last message is", fault: func(f *faulty) fault {
			var once sync.Once
			var same string
			return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
				time.Sleep(100 * time.Millisecond)
				once.Do(func() { same = f.Sign(ramptoken.TypeFeed, f.now(r)) })
				message(w, same)
			}
		}},
		"a gap": {says: "leaves out what happened between cursor", fault: func(f *faulty) fault {
			return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
				m := f.now(r)
				m.After, m.Cursor = 1<<33, 1<<33
				message(w, f.Sign(ramptoken.TypeFeed, m))
			}
		}},
		"an event nobody knows": {says: `feed event of unknown type "galaxy": update this verifier`, fault: func(f *faulty) fault {
			return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
				m := f.now(r)
				m.Events = []revocation.Event{{Type: "galaxy"}}
				message(w, f.Sign(ramptoken.TypeFeed, m))
			}
		}},
		"redirects without end": {says: "which is not followed", fault: func(*faulty) fault {
			return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
				http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
			}
		}},
		"redirected to another issuer": {says: "a key that the issuer does not publish", fault: func(*faulty) fault {
			return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
				http.Redirect(w, r, other.URL+"/feed", http.StatusTemporaryRedirect)
			}
		}},
		"endless": {says: "more than 67108864 bytes", fault: func(*faulty) fault {
			return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
				for chunk := make([]byte, 1<<20); r.Context().Err() == nil; {
					if _, err := w.Write(chunk); err != nil {
						return
					}
				}
			}
		}},
	} {
		f := newFaulty(t)
		v := newVerifier(t, f.Issuer, func(c *verify.Config) {
			f.config(c)
			c.OnRecovery = func(time.Duration) { f.recoveries.Add(1) }
		})
		f.Revoke(f.Issue(verifytest.Token{})) // so that there is an older message
		eventually(t, "the first revocation", func() bool { return v.Stats().FeedCursor > 1<<32 })
		trials = append(trials, &trial{
			faulty: f, Verifier: v, name: name, says: c.says,
			status: f.Issue(verifytest.Token{}), doomed: f.Issue(verifytest.Token{}), expiry: f.Issue(verifytest.Token{Expiry: true}),
		})
		f.set(c.fault(f))
	}
	for _, f := range trials { // all of them at the same time
		f.Revoke(f.doomed)
	}
	for _, f := range trials {
		eventually(t, f.name+": tokens to be refused", func() bool { return f.reason(f.status) == verify.Stale })
		eventually(t, f.name+": the reason: "+f.says, func() bool { return f.has(f.says) })
		eventually(t, f.name+": the consequence", func() bool { return f.has("tokens that rely on them are refused") })
		if got := f.reason(f.expiry); got != "" {
			t.Errorf("%s: a token that does not rely on the feed: %q", f.name, got)
		}
		eventually(t, f.name+": not to be ready", func() bool { return f.Fresh() != nil })
		t.Logf("%s: %s", f.name, f.said[0])
		f.set(nil)
	}
	for _, f := range trials {
		eventually(t, f.name+": recovery", func() bool { return f.reason(f.status) == "" && f.recoveries.Load() > 0 })
		if got := f.reason(f.doomed); got != verify.Revoked {
			t.Errorf("%s: what was revoked meanwhile: %q", f.name, got)
		}
	}
}

// A follower that misses a message asks for a snapshot, once.
func TestGapOnce(t *testing.T) {
	f := newFaulty(t)
	v := newVerifier(t, f.Issuer, f.config)
	raw := f.Issue(verifytest.Token{})
	var snapshots atomic.Int64
	var gap sync.Once
	f.set(func(w http.ResponseWriter, r *http.Request, issuer http.Handler) {
		if r.FormValue("after") == "" {
			snapshots.Add(1)
		}
		missed := false
		gap.Do(func() {
			f.Revoke(raw)
			m := f.now(r)
			m.After, m.Cursor = m.After+1, m.Cursor+1
			message(w, f.Sign(ramptoken.TypeFeed, m))
			missed = true
		})
		if !missed {
			issuer.ServeHTTP(w, r)
		}
	})
	eventually(t, "the revocation", func() bool {
		return reason(second(v.Verify(t.Context(), raw, verify.Requirements{}))) == verify.Revoked
	})
	if n := snapshots.Load(); n != 1 {
		t.Errorf("%d snapshots", n)
	}
}

// After an hour without the issuer, one answer is enough.
func TestDownForAnHour(t *testing.T) {
	f := newFaulty(t)
	ahead, config := aheadOf(f)
	v := newVerifier(t, f.Issuer, config)
	f.SetDown(true)
	eventually(t, "the verifier to notice", func() bool { return v.Stats().FeedFailures > 0 })
	var dead []string
	for range 5000 {
		dead = append(dead, f.Issue(verifytest.Token{TTL: 3 * time.Hour}))
	}
	for _, raw := range dead[1:] {
		f.Revoke(raw)
	}
	ahead.Store(int64(time.Hour))
	var answers atomic.Int64
	f.set(func(w http.ResponseWriter, r *http.Request, issuer http.Handler) {
		if answers.Add(1) > 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		issuer.ServeHTTP(w, r)
	})
	f.SetDown(false)
	eventually(t, "the revocations", func() bool {
		return reason(second(v.Verify(t.Context(), dead[len(dead)-1], verify.Requirements{}))) == verify.Revoked
	})
	for _, raw := range dead[1:] {
		if got := reason(second(v.Verify(t.Context(), raw, verify.Requirements{}))); got != verify.Revoked {
			t.Fatalf("%q", got)
		}
	}
}

// A verifier that accepts tokens all the same is ready to do so.
func TestAcceptStale(t *testing.T) {
	i := verifytest.New(t)
	for _, accepts := range []bool{false, true} {
		v := newVerifier(t, i, func(c *verify.Config) { c.MaxStaleness, c.AcceptStale = time.Nanosecond, accepts })
		_, err := v.Verify(t.Context(), i.Issue(verifytest.Token{}), verify.Requirements{})
		if (err == nil) != accepts || (v.Fresh() == nil) != accepts {
			t.Errorf("AcceptStale %t: %v, %v", accepts, err, v.Fresh())
		}
	}
}

// Who cannot hear of the issuer at all does not start, and says why.
func TestNothingToFollow(t *testing.T) {
	f := newFaulty(t)
	f.set(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(http.StatusBadGateway) })
	c := verify.Config{Issuer: f.URL, Audience: verifytest.DefaultAudience}
	f.config(&c)
	if _, err := verify.New(t.Context(), c); err == nil || !strings.Contains(err.Error(), "502 Bad Gateway") {
		t.Error(err)
	} else {
		t.Log(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := verify.New(ctx, c); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
