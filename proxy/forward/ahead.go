package forward

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// errBody is a body that could not be read on while its request was held.
var errBody = errors.New("read request")

// ahead is the reading of a body while its request is held.
type ahead struct {
	failed chan error // of one place: why the client cannot go on
	done   chan struct{}
}

// readAhead reads the body of a request that waits, POST's too, as far as it may be kept: to read is
// not to send. So a client that leaves is noticed, and its place is free. One that awaits a 100 is
// not asked for anything before there is a backend. nil: there is nothing to read.
func (j *job) readAhead() <-chan error {
	if !hasBody(j.r) || len(j.r.Header["Expect"]) > 0 {
		return nil
	}
	if j.ahead == nil {
		if j.spool == nil {
			j.spool = &spool{src: j.r.Body, budget: &j.f.spare}
		}
		a := &ahead{failed: make(chan error, 1), done: make(chan struct{})}
		j.ahead = a
		go func() {
			defer close(a.done)
			if err := j.spool.fill(); err != nil {
				a.failed <- fmt.Errorf("%w: %w", errBody, err)
			}
		}()
	}
	return j.ahead.failed
}

// stopReading ends a reading ahead that still waits for the client. What comes next on the
// connection is not known then.
func (j *job) stopReading() {
	if j.ahead == nil {
		return
	}
	select {
	case <-j.ahead.done:
		return
	default:
	}
	if !j.headed {
		j.w.Header()["Connection"] = []string{"close"}
	}
	if http.NewResponseController(j.w).SetReadDeadline(time.Now()) == nil {
		<-j.ahead.done
	}
}

// fill keeps what the source gives until its end or the limits. Its error is the source's.
func (s *spool) fill() error {
	for {
		if more, err := s.fillSome(); !more {
			return err
		}
	}
}

func (s *spool) fillSome() (more bool, err error) {
	s.mu.Lock()
	defer s.settle()
	defer s.mu.Unlock()
	switch {
	case s.err == io.EOF || s.lost || s.released.Load() || !s.room():
		return false, nil
	case s.err == nil:
		var n int
		n, s.err = s.src.Read(s.kept[len(s.kept):cap(s.kept)])
		s.kept = s.kept[:len(s.kept)+n]
	}
	if s.err == io.EOF {
		return false, nil
	}
	return s.err == nil, s.err
}

// room makes room for more to be kept, if the limits allow.
func (s *spool) room() bool {
	const least = 4 << 10
	have := cap(s.kept)
	if len(s.kept) < have {
		return true
	}
	want := min(max(2*have, least), spoolLimit)
	if want <= have {
		return false
	}
	if s.budget.Add(int64(have-want)) < 0 {
		s.budget.Add(int64(want - have))
		return false
	}
	s.kept = append(make([]byte, 0, want), s.kept...)
	return true
}
