package forward

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"github.com/fairlead-proxy/fairlead/proxy/websocket"
)

// errCut is a stream that could not be closed in order.
var errCut = errors.New("WebSocket was cut off without a close frame")

// A stream is a WebSocket on its way through. What passes is followed from frame to frame, so that the
// client can be told to go, by a close frame of ours between two of the backend's. See escort.
type stream struct {
	client  clientSide
	backend halfCloser
	ended   atomic.Int32 // an ending: what began its end

	turn    chan struct{}      // of one place: who writes to the client has put a token in
	down    websocket.Follower // of what the client gets; written in its turn by carryDown alone
	goodbye []byte             // to go out when a frame ends; written in turn

	parting atomic.Bool  // there is a goodbye
	parted  event        // it has gone out, and nothing may follow it
	lost    event        // the backend has ended without a close frame
	unheard event        // what the client says reaches nobody
	hungUp  event        // the client has sent its close frame, or has ended
	over    event        // both directions have ended
	going   atomic.Int32 // how many have not
}

// An ending is what began the end of a stream.
type ending int32

// The endings.
const (
	notEnded  ending = iota
	byClient         // it closed, or broke off
	byBackend        // it closed
	byDrain          // the backend's task drains
	byLoss           // the backend ended without a close frame
	byLeave          // the proxy itself goes
)

func (e ending) String() string {
	return [...]string{"", "client", "backend", "drain", "lost", "leave"}[e]
}

// because notes what began the end; what comes later only follows from it.
func (s *stream) because(e ending) { s.ended.CompareAndSwap(int32(notEnded), int32(e)) }

func (s *stream) ending() ending { return ending(s.ended.Load()) }

// An event happens once, and can be waited for.
type event struct {
	once sync.Once
	done chan struct{}
}

func (e *event) happen() { e.once.Do(func() { close(e.done) }) }

func (e *event) happened() bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

func newStream(client net.Conn, backend halfCloser) *stream {
	s := &stream{client: clientSide{client}, backend: backend, turn: make(chan struct{}, 1)}
	for _, e := range []*event{&s.parted, &s.lost, &s.unheard, &s.hungUp, &s.over} {
		e.done = make(chan struct{})
	}
	return s
}

// run carries frames both ways until both sides have ended. early is what the client has sent already.
func (s *stream) run(ctx context.Context, early io.Reader, r reasons) error {
	var up, down, told error
	var both sync.WaitGroup
	s.going.Store(2)
	both.Go(func() { up = s.carryUp(io.MultiReader(early, s.client)); s.end() })
	both.Go(func() { down = s.carryDown(); s.end() })
	told = s.escort(ctx, r)
	both.Wait()
	return errors.Join(told, up, down)
}

// end is called by each direction when it has ended.
func (s *stream) end() {
	if s.going.Add(-1) == 0 {
		s.over.happen()
	}
}

// cut ends both directions at once.
func (s *stream) cut() {
	s.client.Close()
	s.backend.Close()
}

// carryDown brings the client what the backend says, until that ends.
func (s *stream) carryDown() error {
	t := newTide()
	defer t.free()
	for {
		n, err := s.backend.Read(t.buffer())
		if n > 0 {
			if err := s.say(t.buffer()[:n]); err != nil {
				return s.clientFailed(err)
			}
		}
		if err != nil {
			return s.backendEnded(err)
		}
		t.took(n)
	}
}

// say writes to the client, no further than to where the goodbye goes if there is one.
func (s *stream) say(b []byte) error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	switch {
	case s.parted.happened():
		return nil
	case s.parting.Load():
		b = b[:s.down.Next(b)]
	default:
		s.down.Pass(b)
	}
	if s.down.Closing() {
		s.because(byBackend)
	}
	if _, err := s.client.Write(b); err != nil {
		return err
	}
	return s.part()
}

// part says the goodbye if it is time. It is the caller's turn.
func (s *stream) part() error {
	if s.goodbye == nil || !s.down.Boundary() || s.parted.happened() {
		return nil
	}
	defer s.parted.happen()
	_, err := s.client.Write(s.goodbye)
	return err
}

// backendEnded passes the backend's end on if the two part by themselves. Otherwise the client is
// told by escort, if it can be: not in the middle of a frame.
func (s *stream) backendEnded(err error) error {
	switch {
	case s.down.Closing() || s.hungUp.happened():
		if s.client.CloseWrite() != nil {
			s.cut()
		}
	case !s.down.Boundary():
		s.because(byLoss)
		s.cut()
		return errors.Join(errCut, lasting(err))
	default:
		s.because(byLoss)
		s.lost.happen()
	}
	if e := s.ending(); e == byDrain || e == byLeave {
		return nil // nothing else was to be expected
	}
	return lasting(err)
}

// lasting is an error as others should hear of it: nil if it is none, or only says that a side was closed here.
func lasting(err error) error {
	if err == io.EOF || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// carryUp brings the backend what the client says, until that ends.
func (s *stream) carryUp(src io.Reader) error {
	var frames websocket.Follower
	t := newTide()
	defer t.free()
	for {
		n, err := src.Read(t.buffer())
		if n > 0 {
			b := t.buffer()[:n]
			frames.Pass(b)
			if _, err := s.backend.Write(b); err != nil || s.lost.happened() {
				s.unheard.happen()
			}
			if frames.Closing() && frames.Boundary() {
				s.because(byClient)
				s.hungUp.happen()
			}
		}
		if err != nil {
			return s.clientEnded(err, frames)
		}
		t.took(n)
	}
}

// clientEnded passes the client's end on. A client that was told to go and said nothing of its
// own has its close frame sent for it, as if it had gone by itself.
func (s *stream) clientEnded(err error, frames websocket.Follower) error {
	s.because(byClient)
	s.hungUp.happen()
	if !s.parting.Load() && err != io.EOF {
		return s.clientFailed(err)
	}
	if s.parting.Load() && frames.Boundary() && !frames.Closing() {
		_, _ = s.backend.Write(websocket.GoingAway.MaskedClose()) // if it fails, so does what follows
	}
	if s.backend.CloseWrite() != nil {
		s.cut()
	}
	return nil
}

// clientFailed ends a stream whose client cannot be read or written any more.
func (s *stream) clientFailed(err error) error {
	s.because(byClient)
	s.cut()
	return lasting(err)
}
