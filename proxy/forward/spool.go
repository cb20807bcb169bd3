package forward

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

// Bounds of what is kept of request bodies for a second try.
const (
	spoolLimit  = 64 << 10 // bytes of one request
	spoolBudget = 64 << 20 // bytes of all requests of a forwarder
)

// A spool keeps what was read of a request body, so that an idempotent request can be sent
// again. Each try reads through a reader of its own, from the start. Beyond the limits it
// keeps nothing more and the request gets no further try.
type spool struct {
	src    io.ReadCloser
	budget *atomic.Int64 // bytes that all spools together may still keep

	mu   sync.Mutex // held while src is read, so that an abandoned reader cannot take bytes away unseen
	kept []byte
	err  error // what src ended with
	lost bool  // src has given bytes that were not kept

	released atomic.Bool
}

// repeatable tells whether a new reader would see the body whole.
func (s *spool) repeatable() bool {
	if !s.mu.TryLock() {
		return false // the last try still waits for the client's next byte
	}
	defer s.mu.Unlock()
	return !s.lost && (s.err == nil || errors.Is(s.err, io.EOF))
}

// release gives back what was taken of the budget. It never waits: a reader that still
// waits for the client settles it when it is done.
func (s *spool) release() {
	s.released.Store(true)
	s.settle()
}

func (s *spool) settle() {
	if s.released.Load() && s.mu.TryLock() {
		s.drop()
		s.mu.Unlock()
	}
}

func (s *spool) reader() io.ReadCloser { return &spoolReader{spool: s} }

type spoolReader struct {
	spool *spool
	off   int
}

func (r *spoolReader) Read(p []byte) (int, error) {
	s := r.spool
	s.mu.Lock()
	defer s.settle()
	defer s.mu.Unlock()
	if r.off < len(s.kept) {
		n := copy(p, s.kept[r.off:])
		r.off += n
		return n, nil
	}
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.src.Read(p)
	s.err = err
	s.keep(p[:n])
	r.off += n
	return n, err
}

// keep appends what was just read, as long as the limits allow.
func (s *spool) keep(p []byte) {
	if s.lost || len(p) == 0 {
		return
	}
	if len(s.kept)+len(p) > spoolLimit {
		s.drop()
		return
	}
	before := cap(s.kept)
	grown := append(s.kept, p...)
	if s.budget.Add(int64(before-cap(grown))) < 0 {
		s.budget.Add(int64(cap(grown) - before))
		s.drop()
		return
	}
	s.kept = grown
}

// drop keeps nothing more and gives back what was taken. s.mu is held.
func (s *spool) drop() {
	s.budget.Add(int64(cap(s.kept)))
	s.kept, s.lost = nil, true
}

// Close leaves the source open: the next try may need the rest, and the server closes the
// body of a request when its handler returns.
func (r *spoolReader) Close() error { return nil }

// hasBody tells whether the request may carry a body.
func hasBody(r *http.Request) bool {
	return r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0
}
