package accesslog

import (
	"bytes"
	"encoding/json"
	"time"
)

const (
	enough = 64 << 10    // bytes that are written without waiting for more
	retry  = time.Second // after a failure to write what must not be dropped
)

// lines are on their way to the writer.
type lines struct {
	log     *Log
	buffer  bytes.Buffer
	encoder *json.Encoder // to buffer
	pending uint64        // entries in buffer
	telling uint64        // of dropped entries, in buffer too
	told    uint64        // the same, in what was written
	failing bool
	torn    bool // the last line may be there in part
}

func newLines(l *Log) *lines {
	w := &lines{log: l}
	w.encoder = json.NewEncoder(&w.buffer)
	w.encoder.SetEscapeHTML(false)
	return w
}

func (w *lines) line(v any) {
	_ = w.encoder.Encode(v) // strings and numbers, to memory
	if w.buffer.Len() >= enough {
		w.flush()
	}
}

// gap says how many entries were dropped since it was said last.
func (w *lines) gap() {
	dropped := w.log.dropped.Load()
	if n := dropped - w.telling; n != 0 {
		w.telling = dropped
		w.line(struct {
			Time    time.Time `json:"time"`
			Dropped uint64    `json:"dropped"`
		}{time.Now(), n})
	}
}

// flush writes what there is. What cannot be written is dropped, so that a full
// disk neither stops requests for ever nor fills the memory; or, where
// requests wait for the log, it is tried again until the log ends.
func (w *lines) flush() {
	for !w.try() {
		if !w.log.config.Block || !w.rest() {
			w.log.dropped.Add(w.pending)
			w.pending, w.telling = 0, w.told
			w.buffer.Reset()
		}
	}
}

// try reports whether all is written.
func (w *lines) try() bool {
	if w.buffer.Len() == 0 {
		return true
	}
	if err := w.write(); err != nil {
		if !w.failing {
			w.log.config.OnError(err)
		}
		w.failing = true
		return false
	}
	w.failing = false
	w.log.written.Add(w.pending)
	w.pending, w.told = 0, w.telling
	return true
}

// write leaves in the buffer what was not written, from the start of a line on.
func (w *lines) write() error {
	if w.torn {
		if _, err := w.log.config.Writer.Write([]byte("\n")); err != nil {
			return err
		}
		w.torn = false
	}
	n, err := w.log.config.Writer.Write(w.buffer.Bytes())
	whole := bytes.LastIndexByte(w.buffer.Bytes()[:n], '\n') + 1
	w.torn = n > whole
	w.buffer.Next(whole)
	return err
}

// rest waits before another try, and opens the writer again if that is asked
// for. It returns false when the log is to end.
func (w *lines) rest() bool {
	select {
	case answer := <-w.log.reopen:
		answer <- w.log.open()
	case <-time.After(retry):
	case <-w.log.ending:
		return false
	}
	return true
}
