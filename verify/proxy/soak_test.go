package proxy_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/accesslog"
)

// soakToken is a token and when it died.
type soakToken struct {
	raw     string
	revoked atomic.Bool   // before the issuer is told
	dead    atomic.Uint64 // cursor of the feed from which on the proxy knows; 0 while it lives
}

// TestSoak saturates a proxy while tokens are revoked and keys rotated: no
// live token is refused, no token accepted whose death the proxy has heard of,
// and neither memory nor goroutines grow. RAMP_SOAK says for how long: "10m".
func TestSoak(t *testing.T) {
	lasts := 3 * time.Second
	if text := os.Getenv("RAMP_SOAK"); text != "" {
		var err error
		if lasts, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	r := newRig(t, talk, func(c *proxy.Config) {
		c.Gate.Log = accesslog.New(accesslog.Config{Writer: io.Discard, Block: true})
	})
	verifier := r.config.Gate.Verifier
	url := "http://" + r.listen(proxy.Listener{}).String()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	ctx, stop := context.WithTimeout(t.Context(), lasts)
	defer stop()

	var pool [64]atomic.Pointer[soakToken]
	for i := range pool {
		pool[i].Store(&soakToken{raw: r.reader()})
	}
	var answers, refused, wrong atomic.Int64
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for ctx.Err() == nil {
				token := pool[rand.IntN(len(pool))].Load()
				dead := token.dead.Load()
				heard := dead != 0 && verifier.Stats().FeedCursor >= dead
				req, _ := http.NewRequestWithContext(t.Context(), "GET", url+"/invoices/7", nil)
				req.Header.Set("Authorization", "Bearer "+token.raw)
				resp, err := client.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				answers.Add(1)
				switch {
				case resp.StatusCode == http.StatusOK && heard:
					t.Error("a token is accepted whose death was heard of")
					wrong.Add(1)
				case resp.StatusCode == http.StatusUnauthorized && token.revoked.Load():
					refused.Add(1)
				case resp.StatusCode != http.StatusOK:
					t.Errorf("a live token: %s", resp.Status)
					wrong.Add(1)
				}
				if wrong.Load() > 10 {
					return
				}
			}
		})
	}
	workers.Go(func() { // streams that are cut
		for ctx.Err() == nil {
			raw := r.reader()
			conn := r.dial(url, raw)
			say := r.over(conn)
			_, _ = say("hello")
			time.Sleep(time.Second) // so that it is watched
			r.issuer.Revoke(raw)
			eventually(t, "the end of a stream", func() bool { _, err := say("still there?"); return err != nil })
			_ = conn.CloseNow()
		}
	})
	var deaths atomic.Int64
	workers.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			token := pool[i%len(pool)].Load()
			token.revoked.Store(true)
			r.issuer.Revoke(token.raw)
			token.dead.Store(r.issuer.Cursor())
			deaths.Add(1)
			time.Sleep(50 * time.Millisecond) // for which it is tried
			pool[i%len(pool)].Store(&soakToken{raw: r.reader()})
		}
	})
	workers.Go(func() {
		for ctx.Err() == nil { // verifiers fetch keys that they do not know every five seconds
			r.issuer.RotateKey([]string{"ES256", "EdDSA"}[rand.IntN(2)])
			select {
			case <-ctx.Done():
			case <-time.After(6 * time.Second):
			}
		}
	})
	var quarters []footprint
	for range 3 {
		time.Sleep(lasts / 4)
		quarters = append(quarters, measure())
	}
	workers.Wait()
	before, after := quarters[0], measure()
	client.CloseIdleConnections()
	t.Logf("%d requests in %s, %d tokens revoked, %d refusals; after each quarter %v, %v", answers.Load(), lasts, deaths.Load(), refused.Load(), quarters, after)
	if refused.Load() == 0 || deaths.Load() == 0 {
		t.Error("nothing was refused")
	}
	if after.heap > before.heap+2<<20+uint64(deaths.Load())<<8 { // the issuer of the test forgets no death
		t.Errorf("the heap grew from %v to %v", before, after)
	}
	if after.goroutines > before.goroutines+20 {
		t.Errorf("goroutines grew from %v to %v", before, after)
	}
}

type footprint struct {
	heap       uint64
	goroutines int
}

func (f footprint) String() string {
	return fmt.Sprintf("%d KiB and %d goroutines", f.heap>>10, f.goroutines)
}

func measure() footprint {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return footprint{m.HeapAlloc, runtime.NumGoroutine()}
}
