package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// flow is a steady stream of requests of one caller. All have to succeed,
// except while the test says that they may be refused.
type flow struct {
	name, method, url, body string
	guilty                  atomic.Bool // may be refused

	mu       sync.Mutex
	good     int
	row      int            // of good ones up to now
	refused  map[string]int // while guilty
	failures []string       // of the innocent
}

func (f *flow) run(ctx context.Context, client *http.Client, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f.once(client)
		}
	}
}

func (f *flow) once(client *http.Client) {
	guilty := f.guilty.Load()
	answer := f.try(client)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case answer == "200":
		f.good++
		f.row++
		return
	case guilty || f.guilty.Load():
		f.refused[answer]++
	default:
		f.failures = append(f.failures, time.Now().Format("15:04:05.000 ")+answer)
	}
	f.row = 0
}

// try returns the status, and what a refusal said.
func (f *flow) try(client *http.Client) string {
	req, err := http.NewRequest(f.method, f.url, strings.NewReader(f.body))
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Authorization", "Bearer the-workload-knows-no-token")
	resp, err := client.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode == http.StatusOK {
		if !strings.HasSuffix(string(text), f.body) {
			return fmt.Sprintf("the body became %.100q", text)
		}
		return "200"
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, strings.TrimSpace(string(text)))
}

// hears waits until requests have been refused with these words.
func (f *flow) hears(t *testing.T, words string) {
	t.Helper()
	eventually(t, f.name+" to be refused: "+words, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		for said := range f.refused {
			if strings.Contains(said, words) {
				return true
			}
		}
		return false
	})
}

// recovers waits for many good answers in a row, from which on all must be.
func (f *flow) recovers(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	f.row = 0
	f.mu.Unlock()
	eventually(t, f.name+" to be served again", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.row >= 20
	})
	f.guilty.Store(false)
}

// passes waits for so many more good answers.
func (f *flow) passes(t *testing.T, n int) {
	t.Helper()
	f.mu.Lock()
	from := f.good
	f.mu.Unlock()
	eventually(t, f.name+" to go on", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.good >= from+n
	})
}

// report says how many requests there were, and fails the test for each
// innocent one that failed.
func (f *flow) report(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	refused := 0
	for _, n := range f.refused {
		refused += n
	}
	t.Logf("%-14s %5d served, %4d refused as they should be, %d innocent ones failed", f.name, f.good, refused, len(f.failures))
	for said, n := range f.refused {
		t.Logf("%-14s %5d × %.160s", "", n, said)
	}
	for i, failure := range f.failures {
		if i < 10 {
			t.Errorf("%s: %s", f.name, failure)
		}
	}
}
