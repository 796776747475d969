package accesslog

import (
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Config says where a log goes, and what happens when it cannot keep up.
type Config struct {
	// Writer takes whole lines. If it has a method Reopen() error,
	// [Log.Reopen] calls it; if it has Close() error, [Log.Close] does.
	Writer io.Writer
	// Queue is how many entries may wait to be written. Zero means 8192.
	Queue int
	// Block makes requests wait when the queue is full, also for a writer that
	// fails, which is tried again every second. Without it their entries are
	// dropped, counted, and the number is written later.
	Block bool
	// OnError is told of the first of a row of failures to write. Nil ignores
	// them.
	OnError func(error)
}

// Log writes entries in the order they are added. It is safe for concurrent use.
type Log struct {
	config  Config
	queue   chan *Entry
	reopen  chan chan error
	ending  chan struct{} // closed when nothing may wait any more
	done    chan struct{}
	dropped atomic.Uint64
	written atomic.Uint64

	end    sync.Once
	mu     sync.RWMutex // closed is not set while an entry is being queued
	closed bool
}

// New starts a log. Close it to write what is queued.
func New(c Config) *Log {
	if c.Queue <= 0 {
		c.Queue = 8192
	}
	if c.OnError == nil {
		c.OnError = func(error) {}
	}
	l := &Log{config: c, queue: make(chan *Entry, c.Queue), reopen: make(chan chan error), ending: make(chan struct{}), done: make(chan struct{})}
	go l.write()
	return l
}

// Add queues an entry, which must not be changed afterwards.
func (l *Log) Add(e *Entry) { l.add(e, l.config.Block) }

// Offer queues an entry that nobody waits for: when the queue is full it is
// dropped and counted, whatever Block says.
func (l *Log) Offer(e *Entry) { l.add(e, false) }

func (l *Log) add(e *Entry, block bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	switch {
	case l.closed:
		l.dropped.Add(1)
	case block:
		l.queue <- e
	default:
		select {
		case l.queue <- e:
		default:
			l.dropped.Add(1)
		}
	}
}

// Depth is how many entries wait; Dropped and Written count since the start.
func (l *Log) Depth() int      { return len(l.queue) }
func (l *Log) Dropped() uint64 { return l.dropped.Load() }
func (l *Log) Written() uint64 { return l.written.Load() }

// Reopen makes the writer open its file again, after the file was moved.
func (l *Log) Reopen() error {
	answer := make(chan error, 1)
	select {
	case l.reopen <- answer:
		return <-answer
	case <-l.done:
		return nil
	}
}

// open opens the writer again, if it can be.
func (l *Log) open() error {
	if r, ok := l.config.Writer.(interface{ Reopen() error }); ok {
		return r.Reopen()
	}
	return nil
}

// Close writes what is queued and closes the writer. What cannot be written is
// dropped.
func (l *Log) Close() error {
	l.end.Do(func() { close(l.ending) }) // those who wait hold mu
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		<-l.done
		return nil
	}
	l.closed = true
	close(l.queue)
	l.mu.Unlock()
	<-l.done
	if c, ok := l.config.Writer.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// gather is for how long entries wait for others when none waited before: to
// wake the writer and to write cost more than the entry.
const gather = 10 * time.Millisecond

// write encodes and writes, and flushes whenever nothing waits.
func (l *Log) write() {
	defer close(l.done)
	rest := min(gather, time.Duration(cap(l.queue))*time.Microsecond) // a queue that a million a second do not fill
	w := newLines(l)
	for {
		idle := len(l.queue) == 0
		if idle {
			w.gap()
			w.flush()
		}
		select {
		case e, more := <-l.queue:
			w.gap()
			if !more {
				w.flush()
				return
			}
			w.pending++
			w.line(e)
			if idle {
				time.Sleep(rest)
			}
		case answer := <-l.reopen:
			w.try() // what fails goes to the next one
			answer <- l.open()
		}
	}
}
