package balancer

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// A Backend is a task as the balancer sees it: address, health, load, drain. It is shared
// by all pools and Sets that have its Identity; its methods may be called from anywhere.
type Backend struct {
	task discovery.Task
	link Link
	hub  *hub

	// What every request reads is kept apart from what every request writes: otherwise
	// each request to one backend slows down all that look at it.
	condition   atomic.Uint64 // a condition; written by publish alone
	readyAt     atomic.Int64  // hub time when it last became ready
	drainAt     atomic.Int64  // hub time when it began to drain
	withdrawnAt atomic.Int64  // hub time when it was last withdrawn
	_           [64]byte
	inFlight    atomic.Int64
	answer      fading // time to first byte, in seconds
	_           [64]byte

	doubt  chan struct{} // of one place: there is something to dial for
	depart departure

	mu     sync.Mutex // guards health; taken when it changes, never to pick
	health health
}

// newBackend makes the backend of a task seen for the first time, as the snapshot has it.
func newBackend(t discovery.Task, probed, stay bool, link Link, h *hub) *Backend {
	b := &Backend{task: t, link: link, hub: h, doubt: make(chan struct{}, 1), depart: newDeparture()}
	b.publish(func(s *health) {
		s.running = t.State != discovery.Starting
		s.checked, s.proven, s.probed, s.withdrawn = t.Checked, t.Checked, probed, t.Withdrawn
	})
	if t.Withdrawn {
		b.withdrawnAt.Store(int64(h.now()))
	}
	if t.State == discovery.Leaving {
		b.drain(parting{stay: stay})
	}
	return b
}

// Identity is the task and the address that make it this backend.
func (b *Backend) Identity() Identity { return identify(b.task) }

// Task has the facts as first seen; its State is of no use later.
func (b *Backend) Task() discovery.Task { return b.task }

// Link is the connections that Options.Link made for it.
func (b *Backend) Link() Link { return b.link }

// Ready reports whether it is in service.
func (b *Backend) Ready() bool { return b.now().has(isReady) }

// Draining reports whether it takes no new requests any more.
func (b *Backend) Draining() bool { return b.now().has(isDraining) }

// InFlight is how many requests have it and have not released it.
func (b *Backend) InFlight() int64 { return b.inFlight.Load() }

// Acquire takes the backend for one more request, unless it drains. Who got true must
// Release. Pool.Take has acquired already what it returns.
func (b *Backend) Acquire() bool { return b.acquire(isReady) }

// acquire counts first and looks at drain afterwards: whoever sees the drain and then a
// count of zero knows that no request can come any more. With isLast or isStaying, a backend
// that drains so is taken too.
func (b *Backend) acquire(want condition) bool {
	b.inFlight.Add(1)
	if c := b.now(); !c.has(isDraining) || want.has(isLast|isStaying) && b.takes(c, want) {
		return true
	}
	b.inFlight.Add(-1)
	return false
}

// Release gives back what was acquired.
func (b *Backend) Release() { b.inFlight.Add(-1) }

// Drain ends its taking of requests, for good, and closes its idle connections.
func (b *Backend) Drain() { b.drain(parting{}) }

// parting is how a backend's drain goes on.
type parting struct {
	last bool // it was its service's last ready one
	stay bool // its sessions stay until it is about to be killed
}

func (b *Backend) drain(how parting) {
	begun := false
	b.change(func(s *health) {
		begun = !s.draining
		if begun {
			b.drainAt.Store(int64(b.hub.now()))
			s.draining, s.parting = true, how
		}
	})
	if !begun {
		return
	}
	b.link.Drain()
	if how.stay {
		b.depart.in(b.stopGrace(), func() { b.change(func(s *health) { s.stay = false }) })
	} else {
		b.depart.now()
	}
}

// end tells that nobody answers here any more.
func (b *Backend) end() {
	b.Drain()
	b.depart.now()
	b.link.Abandon()
}

// Departure is closed when long streams must be told to go: when the task begins to drain or,
// where sessions stay on it, a margin before it is killed. A change of labels or of another task
// never closes it.
func (b *Backend) Departure() <-chan struct{} { return b.depart.told }

// stopGrace is how long the task may take to stop once it was told to.
func (b *Backend) stopGrace() time.Duration {
	if b.task.StopGrace <= 0 {
		return defaultStopGrace
	}
	return b.task.StopGrace
}

// takes reports whether it has what a request wants. A service's last ready backend goes on for
// lastGrace only.
func (b *Backend) takes(c, want condition) bool {
	return c.has(want) && (want != isLast || b.hub.now()-time.Duration(b.drainAt.Load()) < lastGrace)
}

// over reports whether nothing of its drain can be left: the task was killed by now.
func (b *Backend) over() bool {
	return b.Draining() && b.hub.now()-time.Duration(b.drainAt.Load()) > b.stopGrace()+backstopMargin
}

// Answered tells that the first byte of an answer came after d. It clears what failed
// dials had brought, unless the port was found closed: a process that stops answers what it has.
func (b *Backend) Answered(d time.Duration) {
	b.answer.average(b.hub.now(), d.Seconds())
	if b.now().has(isDoubted) {
		b.change(func(s *health) {
			if !s.closed {
				s.trust()
			}
		})
	}
}

// Failed tells that a dial failed, and with what. The second one in a row, with no answer between, ejects
// the backend; from the first on, Checks dials it aside to know which it is.
func (b *Backend) Failed(err error) { b.refused(err) }

// Broke tells that a connection broke before its answer began. That alone ejects nobody,
// but Checks dials the backend aside: if its port accepts it counts as ready anew, so that
// a request with nowhere else to go may come back.
func (b *Backend) Broke() {
	b.change(func(s *health) { s.broken = s.proven })
}

func (b *Backend) now() condition { return condition(b.condition.Load()) }
