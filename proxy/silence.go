package proxy

import (
	"sync"
	"time"
)

// silence bounds how long one direction of a connection may stand still while something is due,
// by deadlines that are moved only now and then. A deadline that somebody else asks for,
// be it the server for a head or forward to interrupt an upload, goes before.
type silence struct {
	limit time.Duration         // 0: no bound
	set   func(time.Time) error // sets the connection's deadline

	mu    sync.Mutex
	asked time.Time // by somebody else
	until time.Time // ours; zero if none is in force
}

// ask sets a deadline for somebody else, or takes it back.
func (s *silence) ask(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.IsZero() && s.asked.IsZero() {
		return nil // the server takes back what it never asked for, with each request
	}
	s.asked, s.until = t, time.Time{}
	return s.set(t)
}

// begin comes before an operation that may stand still: it has three quarters of the limit at
// least.
func (s *silence) begin(now time.Time) {
	if s.limit <= 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked.IsZero() && s.until.Sub(now) < s.limit*3/4 {
		s.until = now.Add(s.limit)
		_ = s.set(s.until) // fails on a closed connection, as the operation will
	}
}

// end comes when nothing is due any more.
func (s *silence) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.until.IsZero() {
		s.until = time.Time{}
		_ = s.set(s.until)
	}
}
