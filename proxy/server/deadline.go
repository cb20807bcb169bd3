package server

import (
	"sync"
	"time"
)

// A deadline is when an operation in one direction of a connection has waited too long. Setting one costs a
// system's timer, so it is moved only now and then. What a handler asks for goes before.
type deadline struct {
	set func(time.Time) error // sets the connection's

	mu    sync.Mutex
	asked time.Time // by a handler
	until time.Time // ours; zero if none is in force
}

// ask sets a deadline for a handler, or takes it back.
func (d *deadline) ask(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t.IsZero() && d.asked.IsZero() {
		return nil
	}
	d.asked, d.until = t, time.Time{}
	return d.set(t)
}

// allow comes before an operation that may stand still for so long, or three quarters of it at least, but never
// beyond a moment. For both, zero is no bound.
func (d *deadline) allow(limit time.Duration, by time.Time) {
	if limit <= 0 {
		d.setBy(by)
		return
	}
	now := time.Now()
	latest := now.Add(limit)
	if !by.IsZero() && by.Before(latest) {
		d.setBy(by)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if left := d.until.Sub(now); left < limit*3/4 || left > limit {
		d.put(latest)
	}
}

// setBy sets a deadline that is not to be moved.
func (d *deadline) setBy(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.until.Equal(t) {
		d.put(t)
	}
}

// ours reports whether no handler has asked for another.
func (d *deadline) ours() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked.IsZero()
}

// put puts ours in force. d.mu is held.
func (d *deadline) put(t time.Time) {
	if d.asked.IsZero() {
		d.until = t
		_ = d.set(t) // fails on a closed connection, as the operation will
	}
}
