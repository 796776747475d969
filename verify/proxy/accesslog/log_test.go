package accesslog_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/accesslog"
)

// slow is a writer that waits for a permit before each write.
type slow struct {
	permits chan struct{}
	mu      sync.Mutex
	text    strings.Builder
	failing bool
}

func (s *slow) Write(p []byte) (int, error) {
	<-s.permits
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing {
		_, _ = s.text.Write(p[:len(p)/2])
		return len(p) / 2, errors.New("no space left")
	}
	return s.text.Write(p)
}

func (s *slow) fail(failing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing = failing
}

type line struct {
	ID      string `json:"request_id"`
	Dropped uint64
}

// whole parses lines; broken ones count.
func whole(text string) (lines []line, broken int) {
	for l := range strings.Lines(text) {
		var e line
		switch {
		case strings.TrimSpace(l) == "":
		case json.Unmarshal([]byte(l), &e) != nil:
			broken++
		default:
			lines = append(lines, e)
		}
	}
	return lines, broken
}

func TestDrop(t *testing.T) {
	w := &slow{permits: make(chan struct{})}
	log := accesslog.New(accesslog.Config{Writer: w, Queue: 10})
	const added = 500
	for i := range added {
		log.Add(&accesslog.Entry{ID: fmt.Sprint(i)})
	}
	if log.Dropped() == 0 || log.Depth() > 10 {
		t.Errorf("dropped %d, depth %d", log.Dropped(), log.Depth())
	}
	close(w.permits)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	lines, broken := whole(w.text.String())
	entries, told := 0, uint64(0)
	for _, l := range lines {
		told += l.Dropped
		if l.ID != "" {
			entries++
		}
	}
	if broken != 0 || told != log.Dropped() || entries+int(told) != added || log.Written() != uint64(entries) {
		t.Errorf("%d entries, %d broken, told of %d dropped of %d, written %d", entries, broken, told, log.Dropped(), log.Written())
	}
	log.Add(&accesslog.Entry{}) // after the end: counted, no panic
	if log.Dropped() != told+1 {
		t.Error("an entry after the end is not counted")
	}
}

func TestBlock(t *testing.T) {
	w := &slow{permits: make(chan struct{})}
	log := accesslog.New(accesslog.Config{Writer: w, Queue: 10, Block: true})
	var adding sync.WaitGroup
	for i := range 500 {
		adding.Go(func() { log.Add(&accesslog.Entry{ID: fmt.Sprint("e", i)}) })
	}
	close(w.permits)
	adding.Wait()
	_ = log.Close()
	if lines, broken := whole(w.text.String()); len(lines) != 500 || broken != 0 || log.Dropped() != 0 {
		t.Errorf("%d lines, %d broken, %d dropped", len(lines), broken, log.Dropped())
	}
}

func TestFullDisk(t *testing.T) {
	w := &slow{permits: make(chan struct{}), failing: true}
	close(w.permits)
	var told []error
	log := accesslog.New(accesslog.Config{Writer: w, OnError: func(err error) { told = append(told, err) }})
	for i := range 3 {
		log.Add(&accesslog.Entry{ID: fmt.Sprint("lost", i), Path: strings.Repeat("x", 100<<10)})
		waitFor(t, func() bool { return log.Dropped() == uint64(i+1) })
	}
	w.fail(false)
	log.Add(&accesslog.Entry{ID: "kept"})
	_ = log.Close()
	lines, _ := whole(w.text.String())
	if last := lines[len(lines)-1]; last.ID != "kept" || len(told) != 1 || !strings.Contains(w.text.String(), `"dropped":`) {
		t.Errorf("%v, the last of %d lines is %+v", told, len(lines), last)
	}
}

// Where requests wait for the log, nothing is lost while the disk is full.
func TestFullDiskWaits(t *testing.T) {
	w := &slow{permits: make(chan struct{}), failing: true}
	close(w.permits)
	var told atomic.Int64
	log := accesslog.New(accesslog.Config{Writer: w, Queue: 10, Block: true, OnError: func(error) { told.Add(1) }})
	var adding sync.WaitGroup
	for i := range 100 {
		adding.Go(func() { log.Add(&accesslog.Entry{ID: fmt.Sprint("e", i)}) })
	}
	waitFor(t, func() bool { return told.Load() > 0 && log.Depth() == 10 })
	if err := log.Reopen(); err != nil { // by who hopes that this helps
		t.Error(err)
	}
	w.fail(false)
	adding.Wait()
	_ = log.Close()
	seen := map[string]bool{}
	lines, _ := whole(w.text.String()) // some are torn, and there whole once more
	for _, l := range lines {
		seen[l.ID] = true
	}
	if len(lines) != 100 || len(seen) != 100 || told.Load() != 1 || log.Dropped() != 0 || log.Written() != 100 {
		t.Errorf("%d lines of %d entries, told %d times, dropped %d, written %d", len(lines), len(seen), told.Load(), log.Dropped(), log.Written())
	}
}

// The end does not wait for a disk that stays full.
func TestFullDiskAtTheEnd(t *testing.T) {
	w := &slow{permits: make(chan struct{}), failing: true}
	close(w.permits)
	log := accesslog.New(accesslog.Config{Writer: w, Queue: 10, Block: true})
	var adding sync.WaitGroup
	for range 100 {
		adding.Go(func() { log.Add(&accesslog.Entry{}) })
	}
	waitFor(t, func() bool { return log.Depth() == 10 })
	_ = log.Close()
	adding.Wait()
	if log.Dropped() != 100 {
		t.Errorf("%d dropped", log.Dropped())
	}
}

func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	file, err := accesslog.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	log := accesslog.New(accesslog.Config{Writer: file})
	log.Add(&accesslog.Entry{ID: "first"})
	waitFor(t, func() bool { return log.Written() == 1 })
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := log.Reopen(); err != nil {
		t.Fatal(err)
	}
	log.Add(&accesslog.Entry{ID: "second"})
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{path + ".1": "first", path: "second"} {
		text, err := os.ReadFile(name)
		if lines, _ := whole(string(text)); err != nil || len(lines) != 1 || lines[0].ID != want {
			t.Errorf("%s: %s %v", name, text, err)
		}
	}
	if err := log.Reopen(); err != nil {
		t.Error(err)
	}
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited 30 s")
		}
	}
}
