package forward

import (
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
)

func newSpool(src io.Reader, budget int64) (*spool, *atomic.Int64) {
	left := new(atomic.Int64)
	left.Store(budget)
	return &spool{src: io.NopCloser(src), budget: left}, left
}

func TestABodyThatWasKeptIsReadAgainFromItsStart(t *testing.T) {
	s, left := newSpool(iotest.OneByteReader(strings.NewReader("the whole body")), spoolBudget)
	half := make([]byte, 4)
	if _, err := io.ReadFull(s.reader(), half); err != nil || string(half) != "the " {
		t.Fatalf("%q, %v", half, err)
	}
	if !s.repeatable() {
		t.Fatal("not repeatable in the middle")
	}
	for range 2 {
		if all, err := io.ReadAll(s.reader()); err != nil || string(all) != "the whole body" {
			t.Fatalf("%q, %v", all, err)
		}
	}
	s.release()
	if left.Load() != spoolBudget || s.repeatable() {
		t.Errorf("after release: %d left, repeatable %v", left.Load(), s.repeatable())
	}
}

func TestABodyBeyondTheLimitsIsPassedOnAndNotKept(t *testing.T) {
	long := strings.Repeat("x", spoolLimit+1)
	for name, c := range map[string]struct {
		body   string
		budget int64
	}{"one request's": {long, spoolBudget}, "all requests'": {"short", 2}} {
		s, left := newSpool(strings.NewReader(c.body), c.budget)
		if all, err := io.ReadAll(s.reader()); err != nil || string(all) != c.body {
			t.Errorf("%s: %d bytes, %v", name, len(all), err)
		}
		if s.repeatable() {
			t.Errorf("%s: repeatable", name)
		}
		if left.Load() != c.budget {
			t.Errorf("%s: %d of the budget left of %d", name, left.Load(), c.budget)
		}
	}
}

func TestABodyThatFailedIsNotSentAgain(t *testing.T) {
	s, _ := newSpool(iotest.ErrReader(errors.New("client reset")), spoolBudget)
	if _, err := io.ReadAll(s.reader()); err == nil || s.repeatable() {
		t.Errorf("error %v, repeatable %v", err, s.repeatable())
	}
}

func TestAReaderThatStillWaitsForTheClientBlocksNobody(t *testing.T) {
	src, client := io.Pipe()
	s, left := newSpool(src, spoolBudget)
	var waiting sync.WaitGroup
	began := make(chan struct{})
	waiting.Go(func() {
		r := s.reader()
		buf := make([]byte, 8)
		n, _ := r.Read(buf) // the first byte
		close(began)
		n, _ = r.Read(buf[n:]) // waits
		_ = n
	})
	if _, err := client.Write([]byte("a")); err != nil {
		t.Fatal(err)
	}
	<-began
	for s.mu.TryLock() { // until the reader waits inside
		s.mu.Unlock()
	}
	if s.repeatable() {
		t.Error("repeatable while the last try still reads")
	}
	s.release() // must not wait
	client.Close()
	waiting.Wait()
	if left.Load() != spoolBudget {
		t.Errorf("%d of the budget left of %d", left.Load(), int64(spoolBudget))
	}
}
