package accesslog

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// Bounds of what is buffered.
const (
	delay  = 100 * time.Millisecond // a line waits at most so long
	enough = 64 << 10               // bytes that are written without waiting
	most   = 4 << 20                // bytes beyond which lines are lost
)

// A Writer writes lines, many requests at once. They are buffered for at most 100 ms. An output
// that does not take them holds up no request: beyond 4 MiB lines are lost, and that is reported.
// A nil Writer writes nothing.
type Writer struct {
	out    io.WriteCloser
	json   *zerolog.Logger // nil: the common format
	report func(error)

	count   atomic.Uint64
	scratch sync.Pool // *[]byte, for a line of the common format

	mu      sync.Mutex
	pending []byte
	spare   []byte
	lost    int
	closed  bool

	wake, full chan struct{} // something is pending; enough is
	done       chan struct{} // closed by Close
	flushed    chan struct{} // closed when the last flush is over
	failure    error         // of the last flush; for the flusher, and for Close after it
	failing    bool          // the flusher has reported that it cannot write
}

// Open opens a Writer on a file, to which it appends, or on standard output if path is "".
// format and report are as in New.
func Open(path, format string, report func(error)) (*Writer, error) {
	if path == "" {
		return New(keptOpen{os.Stdout}, format, report), nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, fmt.Errorf("access log: %w", err)
	}
	return New(f, format, report), nil
}

// keptOpen is an output that belongs to somebody else.
type keptOpen struct{ io.Writer }

func (keptOpen) Close() error { return nil }

// New begins to write to out in the format "json" or "common". report is told, from one goroutine,
// that lines were lost or could not be written. Close must be called, and closes out.
func New(out io.WriteCloser, format string, report func(error)) *Writer {
	w := &Writer{out: out, report: report,
		wake: make(chan struct{}, 1), full: make(chan struct{}, 1), done: make(chan struct{}), flushed: make(chan struct{})}
	w.scratch.New = func() any { line := make([]byte, 0, 512); return &line }
	if format == "json" {
		l := zerolog.New(sink{w})
		w.json = &l
	}
	go w.run()
	return w
}

// Log writes the line of a request. It does not wait for the output.
func (w *Writer) Log(r *Record) {
	if w == nil {
		return
	}
	if w.json != nil {
		sendJSON(w.json.Log(), r)
		return
	}
	line := w.scratch.Get().(*[]byte)
	*line = appendCommon((*line)[:0], r, w.count.Add(1))
	w.add(*line)
	w.scratch.Put(line)
}

// sink is where zerolog puts its lines.
type sink struct{ w *Writer }

func (s sink) Write(line []byte) (int, error) {
	s.w.add(line)
	return len(line), nil
}

func (w *Writer) add(line []byte) {
	w.mu.Lock()
	if w.closed || len(w.pending)+len(line) > most {
		w.lost++
		w.mu.Unlock()
		return
	}
	before := len(w.pending)
	w.pending = append(w.pending, line...)
	after := len(w.pending)
	w.mu.Unlock()
	if before == 0 {
		signal(w.wake)
	}
	if before < enough && after >= enough {
		signal(w.full)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run flushes until Close.
func (w *Writer) run() {
	defer close(w.flushed)
	timer := time.NewTimer(delay)
	defer timer.Stop()
	for {
		select {
		case <-w.wake:
		case <-w.done:
			w.flush()
			return
		}
		timer.Reset(delay)
		select {
		case <-timer.C:
		case <-w.full:
		case <-w.done:
		}
		w.flush()
	}
}

func (w *Writer) flush() {
	w.mu.Lock()
	lines, lost := w.pending, w.lost
	w.pending, w.lost = w.spare[:0], 0
	w.mu.Unlock()
	if len(lines) > 0 {
		_, w.failure = w.out.Write(lines)
	}
	if cap(lines) > 4*enough {
		lines = nil // a burst must not be kept for ever
	}
	w.mu.Lock()
	w.spare = lines
	w.mu.Unlock()
	if lost > 0 {
		w.report(fmt.Errorf("access log: %d lines lost: the output is too slow", lost))
	}
	if failing := w.failure != nil; failing != w.failing {
		w.failing = failing
		if failing {
			w.report(fmt.Errorf("access log: lines lost until further notice: %w", w.failure))
		} else {
			w.report(fmt.Errorf("access log: lines are written again"))
		}
	}
}

// Close writes what is pending and closes the output. Lines that come later are lost.
func (w *Writer) Close() error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	again := w.closed
	w.closed = true
	w.mu.Unlock()
	if again {
		return nil
	}
	close(w.done)
	<-w.flushed
	err := w.out.Close()
	if w.failure != nil {
		err = w.failure
	}
	if err != nil {
		return fmt.Errorf("access log: %w", err)
	}
	return nil
}
