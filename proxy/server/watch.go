package server

import "time"

// watch looks whether the client is still there while its request is being answered. Most requests are over
// before it begins, and pay only for the timer.
type watch struct {
	x     *exchange
	timer *time.Timer
	armed bool
	ended chan struct{} // holds a token when a look is over
}

// watchAfter is how long a request may take before anybody looks.
const watchAfter = 50 * time.Millisecond

// begin comes when the request has been read whole.
func (w *watch) begin() {
	w.armed = true
	if w.timer == nil {
		w.timer = time.AfterFunc(watchAfter, w.look)
	} else {
		w.timer.Reset(watchAfter)
	}
}

// look reads ahead until the client has ended the connection: then the request is cancelled. What it
// sends meanwhile waits for its turn.
func (w *watch) look() {
	defer func() { w.ended <- struct{}{} }()
	x := w.x
	x.c.in.allow(0, time.Time{})
	for !x.in.Full() {
		if err := x.in.Fill(); err != nil {
			if !timedOut(err) {
				x.ctx.cancel()
			}
			return
		}
	}
}

// end comes when the request is over.
func (w *watch) end() {
	if !w.armed {
		return
	}
	w.armed = false
	if w.timer.Stop() {
		return
	}
	_ = w.x.c.in.ask(time.Unix(1, 0)) // ends a read, or has it end at once
	<-w.ended
	_ = w.x.c.in.ask(time.Time{})
}
