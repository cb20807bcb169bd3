package balancer

import (
	"sync"
	"time"
)

// departure tells those who watch it, once, that they must go.
type departure struct {
	told chan struct{}
	tell func() // closes told; further calls do nothing

	mu    sync.Mutex
	later *time.Timer // runs while told is to be closed later
}

func newDeparture() departure {
	told := make(chan struct{})
	return departure{told: told, tell: sync.OnceFunc(func() { close(told) })}
}

func (d *departure) now() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.later != nil {
		d.later.Stop()
	}
	d.tell()
}

// in tells it a margin before the stop grace period is over, and does something else before. The period begins
// with the stop signal, which comes seconds after the drain: they are to spare.
func (d *departure) in(stopGrace time.Duration, before func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.later = time.AfterFunc(stopGrace-min(departureMargin, stopGrace/2), func() { before(); d.tell() })
}
