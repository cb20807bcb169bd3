package forward

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/fairlead-proxy/fairlead/proxy/websocket"
)

// Times of a stream's end.
const (
	// spread is the time over which the clients of one backend are told to go. Swarm's stop signal
	// comes about 3 s after its decision: they are gone by then.
	spread = 2 * time.Second
	// patience is how long a side may take for what is due: the end of a frame and the answer to a
	// close frame, the end of a connection.
	patience = 5 * time.Second
)

// reasons are what a stream's client can be told to go for.
type reasons struct {
	departure <-chan struct{} // closed when the backend's streams must go
	leave     *Leave
	told      func(why string) // called when the client is told
}

// escort waits until the client must go, and sees to it that it can go in order:
//
//   - it gets a close frame, 1012 (Service Restart) or 1001 (Going Away), between two frames of the
//     backend's, after which it gets nothing more;
//   - what it sends reaches the backend, its own close frame included;
//   - then its connection is ended and so is, last, the backend's.
//
// Who does not do his part within patience is cut off. Streams that end by themselves it leaves alone.
// When it returns the stream has ended, or is about to.
func (s *stream) escort(ctx context.Context, r reasons) error {
	defer s.cut()
	why := s.await(ctx, r)
	if why == notEnded {
		return nil
	}
	if !s.tell(why) {
		select {
		case <-s.over.done:
		case <-ctx.Done():
		}
		return nil
	}
	r.told(why.String())
	if !s.within(ctx, patience, &s.parted) && !s.over.happened() {
		return errCut
	}
	if s.within(ctx, patience, &s.hungUp) {
		_ = s.client.CloseWrite() // the server ends first (RFC 6455 section 7.1.1); it may be gone already
	} else {
		s.client.Close()
	}
	s.within(ctx, patience, &s.over)
	return nil
}

// await returns why the client must go now, after a while that differs from client to client;
// notEnded if the stream is over. Who says something to a backend that is lost must know at once.
func (s *stream) await(ctx context.Context, r reasons) (why ending) {
	var at time.Time
	timer := time.NewTimer(0)
	timer.Stop()
	defer timer.Stop()
	plan := func(e ending, within time.Duration) {
		s.because(e)
		if t := time.Now().Add(rand.N(within + 1)); why == notEnded || t.Before(at) {
			why, at = e, t
			timer.Reset(time.Until(t))
		}
	}
	left, lost, unheard := r.leave.hasBegun(), s.lost.done, (<-chan struct{})(nil)
	for {
		select {
		case <-r.departure:
			r.departure = nil
			plan(byDrain, spread)
		case <-lost:
			lost, unheard = nil, s.unheard.done
			plan(byLoss, spread)
		case <-left:
			left = nil
			plan(byLeave, r.leave.within)
		case <-unheard:
			return why
		case <-timer.C:
			return why
		case <-s.over.done:
			return notEnded
		case <-ctx.Done():
			return notEnded
		}
	}
}

// tell has the client told to go, at once or at the end of the frame that is under way; false if
// the two sides part already.
func (s *stream) tell(why ending) bool {
	code := websocket.ServiceRestart
	if why == byLeave {
		code = websocket.GoingAway
	}
	_ = s.client.SetWriteDeadline(time.Now().Add(patience)) // or a client that takes nothing keeps us out
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if s.down.Closing() || s.hungUp.happened() && !s.lost.happened() {
		_ = s.client.SetWriteDeadline(time.Time{}) // it was only for us
		return false
	}
	s.goodbye = code.Close()
	s.parting.Store(true)
	_ = s.part() // a client that cannot be written to will not answer either
	return true
}

// within waits for an event for so long; false if it did not happen, and will not if the stream is over.
func (s *stream) within(ctx context.Context, d time.Duration, e *event) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-e.done:
	case <-s.over.done:
	case <-timer.C:
	case <-ctx.Done():
	}
	return e.happened()
}
