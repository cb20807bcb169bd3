package balancer

import (
	"errors"
	"syscall"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// health is why a backend is ready or is not.
type health struct {
	running   bool // the cluster says so
	checked   bool // the cluster checks its health itself
	proven    bool // its port accepted a dial once, or the cluster answers for it
	probed    bool // it has an active probe
	probe     verdict
	probeErr  error // what it last failed with
	failures  int   // dials in a row
	dialErr   error // what the last of them failed with
	closed    bool  // that its port is closed: only a dial tells otherwise
	broken    bool  // a connection broke since the last success
	ejected   bool
	withdrawn bool // the cluster no longer names its address
	draining  bool
	parting   // how it drains
}

// verdict is what an active probe last found.
type verdict int

const (
	unknown verdict = iota
	passing
	failing
)

// fit reports whether the active probe lets it take requests. One that has not run yet
// does only where the cluster has found the task healthy by itself.
func (s *health) fit() bool {
	return !s.probed || s.probe == passing || s.probe == unknown && s.checked
}

// doubted reports whether something failed since the port was last seen to accept.
func (s *health) doubted() bool { return s.failures > 0 || s.broken }

// flags are the condition that follows, without the turn.
func (s *health) flags() condition {
	var c condition
	wanted := s.running && !s.draining
	set := func(flag condition, on bool) {
		if on {
			c |= flag
		}
	}
	set(isReady, wanted && s.fit() && s.proven && !s.ejected && !s.withdrawn)
	set(isOpen, wanted && s.fit())
	set(isRunning, s.running)
	set(isProven, s.proven)
	set(isDraining, s.draining)
	set(isStaying, s.draining && s.stay && s.running && !s.ejected)
	set(isWithdrawn, s.withdrawn)
	set(isLast, s.draining && s.last)
	set(isEjected, s.ejected)
	set(isFailing, s.probed && s.probe == failing)
	set(isDoubted, s.doubted() || !s.proven)
	return c
}

// change is the only way in which a backend's health changes. It publishes what follows
// and, if the backend became ready, tells everybody who waits.
func (b *Backend) change(edit func(*health)) {
	if b.publish(edit) {
		b.hub.notify()
	}
}

func (b *Backend) publish(edit func(*health)) (becameReady bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	doubted := b.health.doubted()
	edit(&b.health)
	was, flags := b.now(), b.health.flags()
	turn := was.turn()
	if flags.has(isReady) {
		if !was.has(isReady) {
			b.readyAt.Store(int64(b.hub.now()))
			becameReady = true
		}
		// To have been doubted and to be trusted again is to become ready anew: a request
		// that failed here may come back.
		becameReady = becameReady || doubted && !b.health.doubted()
	}
	if becameReady {
		turn++
	}
	b.condition.Store(uint64(flags | condition(turn)<<turnShift))
	if flags.has(isDoubted) {
		select {
		case b.doubt <- struct{}{}:
		default: // there is one already
		}
	}
	return becameReady
}

// observe takes over what a newer snapshot says of the task, but for a drain. A task never goes
// back to Starting.
func (b *Backend) observe(e *entry) {
	probed := e.probe != nil
	b.change(func(s *health) {
		s.running = s.running || e.task.State == discovery.Running
		if e.task.Withdrawn && !s.withdrawn {
			b.withdrawnAt.Store(int64(b.hub.now()))
		}
		s.withdrawn = e.task.Withdrawn
		switch {
		case !probed:
			s.probe = unknown
		case !s.probed && b.Ready():
			s.probe = passing // a label that adds a probe takes nobody out of service before it has run
		}
		s.probed = probed
	})
}

// accepted tells that the backend's port accepted a dial.
func (b *Backend) accepted() { b.change((*health).trust) }

func (s *health) trust() {
	s.proven, s.failures, s.dialErr, s.closed, s.broken, s.ejected = true, 0, nil, false, false, false
}

// refused tells that a dial failed. A backend whose port never accepted has nothing to be
// ejected from; one that drains has closed it for good.
func (b *Backend) refused(err error) {
	b.change(func(s *health) {
		s.dialErr, s.closed = err, errors.Is(err, syscall.ECONNREFUSED)
		if s.proven || s.draining {
			s.failures++
			s.ejected = s.draining || s.failures >= ejectAfter
		}
	})
}

// judge takes over an active probe's verdict; err says why it is failing. It reports whether that
// was news.
func (b *Backend) judge(v verdict, err error) (news bool) {
	b.change(func(s *health) {
		news = s.probe != v && (s.probe != unknown || v == failing)
		s.probe, s.probeErr = v, err
	})
	return news
}

// trouble is what keeps it out of service, as far as a dial or a probe knows.
func (b *Backend) trouble() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.health.probe == failing {
		return b.health.probeErr
	}
	return b.health.dialErr
}
