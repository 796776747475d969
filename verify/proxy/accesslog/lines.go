package accesslog

import (
	"bufio"
	"encoding/json"
	"time"
)

// lines are on their way to the writer.
type lines struct {
	log     *Log
	buffer  *bufio.Writer
	encoder *json.Encoder // to buffer
	pending uint64        // entries in buffer
	telling uint64        // of dropped entries, in buffer too
	told    uint64        // the same, in what was written
	failing bool          // the last line may be there in part
}

// restart is needed after an error too, which buffer and encoder remember.
func (w *lines) restart() {
	w.buffer = bufio.NewWriterSize(w.log.config.Writer, 64<<10)
	w.encoder = json.NewEncoder(w.buffer)
	w.encoder.SetEscapeHTML(false)
}

func (w *lines) line(v any) {
	if w.failing {
		_ = w.buffer.WriteByte('\n')
	}
	w.result(w.encoder.Encode(v))
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

func (w *lines) flush() {
	if w.buffer.Buffered() == 0 {
		return
	}
	err := w.buffer.Flush()
	w.result(err)
	if err == nil {
		w.failing = false
		w.log.written.Add(w.pending)
		w.pending, w.told = 0, w.telling
	}
}

// result forgets what could not be written: a full disk must not stop requests
// for ever, nor fill the memory.
func (w *lines) result(err error) {
	if err == nil {
		return
	}
	w.log.dropped.Add(w.pending)
	w.pending, w.telling = 0, w.told
	w.restart()
	if !w.failing {
		w.log.config.OnError(err)
	}
	w.failing = true
}
