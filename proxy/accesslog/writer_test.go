package accesslog

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestANilWriterWritesNothing(t *testing.T) {
	var w *Writer
	w.Log(whole())
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// A shared output may be read while a Writer writes.
type shared struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *shared) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *shared) Close() error { return nil }

// take empties it.
func (s *shared) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.text.Reset()
	return s.text.String()
}

func TestALineIsWrittenWithinATenthOfASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, format := range []string{"common", "json"} {
			var out shared
			w := New(&out, format, func(err error) { t.Error(err) })
			for range 3 { // also after the first flush
				w.Log(whole())
				time.Sleep(delay - time.Millisecond)
				synctest.Wait()
				if out.take() != "" {
					t.Errorf("%s: written too early: buffering does nothing", format)
				}
				time.Sleep(time.Millisecond)
				synctest.Wait()
				if got := out.take(); strings.Count(got, "\n") != 1 {
					t.Errorf("%s: after %v: %q", format, delay, got)
				}
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestManyLinesAreNotMadeToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out shared
		w := New(&out, "common", func(err error) { t.Error(err) })
		for n := 0; n < enough; n += 100 { // a line is longer than 100 bytes
			w.Log(whole())
		}
		synctest.Wait()
		if n := len(out.take()); n < enough {
			t.Errorf("%d bytes written", n)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestLinesOfManyRequestsDoNotMix(t *testing.T) {
	var out bytes.Buffer
	w := New(keptOpen{&out}, "common", func(err error) { t.Error(err) })
	want := strings.Replace(lines(t, "common", whole()), ` 1 "shop"`, ` N "shop"`, 1)
	var g sync.WaitGroup
	for range 8 {
		g.Go(func() {
			for range 500 {
				w.Log(whole())
			}
		})
	}
	g.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	counts := map[string]bool{}
	for line := range strings.Lines(out.String()) {
		words := strings.Fields(line)
		count := words[len(words)-4]
		counts[count] = true
		if strings.Replace(line, " "+count+` "shop"`, ` N "shop"`, 1) != want {
			t.Fatalf("got %q, want %q", line, want)
		}
	}
	if len(counts) != 4000 {
		t.Errorf("%d lines", len(counts))
	}
}

// A stuck output takes nothing until it is released.
type stuck struct {
	release chan struct{}
	n       atomic.Int64
}

func (s *stuck) Write(b []byte) (int, error) {
	<-s.release
	s.n.Add(int64(len(b)))
	return len(b), nil
}

func (s *stuck) Close() error { return nil }

func TestAStuckOutputHoldsUpNoRequestAndLossIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stuck{release: make(chan struct{})}
		var told []error
		w := New(out, "common", func(err error) { told = append(told, err) })
		size := int64(len(lines(t, "common", whole())))
		for range 3 * most / size {
			w.Log(whole()) // would block for ever, which synctest reports as a deadlock
		}
		if n := len(w.pending); n > most {
			t.Errorf("%d bytes are kept", n)
		}
		close(out.release)
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if len(told) != 1 || !strings.Contains(told[0].Error(), "lines lost: the output is too slow") {
			t.Errorf("told %v", told)
		}
		if out.n.Load() < most-size {
			t.Errorf("%d bytes written", out.n.Load())
		}
	})
}

// A broken output fails while it is told to.
type broken struct {
	mu  sync.Mutex
	err error
	n   int
}

func (b *broken) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func (b *broken) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return 0, b.err
	}
	b.n += len(p)
	return len(p), nil
}

func (b *broken) Close() error { return nil }

func TestAnOutputThatFailsIsReportedOnceAndSoIsItsRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("disk full")
		out := &broken{err: full}
		var told []error
		w := New(out, "common", func(err error) { told = append(told, err) })
		for range 3 {
			w.Log(whole())
			time.Sleep(2 * delay)
		}
		if len(told) != 1 || !errors.Is(told[0], full) {
			t.Errorf("told %v", told)
		}
		synctest.Wait()
		out.fail(nil)
		w.Log(whole())
		time.Sleep(2 * delay)
		synctest.Wait()
		if len(told) != 2 || out.n == 0 {
			t.Errorf("told %v, %d bytes", told, out.n)
		}
		out.fail(full)
		w.Log(whole())
		if err := w.Close(); !errors.Is(err, full) {
			t.Errorf("Close: %v", err)
		}
		w.Log(whole()) // nobody writes it, and nothing breaks
		if err := w.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
	})
}

func TestAFileIsAppendedTo(t *testing.T) {
	name := filepath.Join(t.TempDir(), "access.log")
	for range 2 {
		w, err := Open(name, "common", func(err error) { t.Error(err) })
		if err != nil {
			t.Fatal(err)
		}
		w.Log(whole())
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil || strings.Count(string(text), "\n") != 2 {
		t.Errorf("%v: %s", err, text)
	}
	if _, err := Open(filepath.Join(name, "x"), "common", nil); err == nil || !strings.Contains(err.Error(), "access log: ") {
		t.Errorf("got %v", err)
	}
}

func TestALineAllocatesNothing(t *testing.T) {
	for _, format := range []string{"common", "json"} {
		w := New(keptOpen{io.Discard}, format, func(err error) { t.Error(err) })
		r := whole()
		r.Err = nil
		for range 1000 {
			w.Log(r) // lets the buffers grow
		}
		if n := testing.AllocsPerRun(1000, func() { w.Log(r) }); n >= 1 {
			t.Errorf("%s: %v allocations", format, n)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}

// BenchmarkLog compares the buffered Writer with a write for each line, on a pipe as an engine
// gives it to a container.
func BenchmarkLog(b *testing.B) {
	pipe := func(b *testing.B) *os.File {
		r, w, err := os.Pipe()
		if err != nil {
			b.Fatal(err)
		}
		go func() { _, _ = io.Copy(io.Discard, r) }()
		return w
	}
	record := whole()
	record.Err = nil
	for _, format := range []string{"common", "json"} {
		b.Run(format, func(b *testing.B) {
			w := New(pipe(b), format, func(err error) { b.Log(err) })
			b.ReportAllocs()
			for b.Loop() {
				w.Log(record)
			}
			if err := w.Close(); err != nil {
				b.Error(err)
			}
		})
	}
	b.Run("unbuffered", func(b *testing.B) {
		out := pipe(b)
		var line []byte
		for b.Loop() {
			line = appendCommon(line[:0], record, 1)
			if _, err := out.Write(line); err != nil {
				b.Fatal(err)
			}
		}
		_ = out.Close()
	})
}
