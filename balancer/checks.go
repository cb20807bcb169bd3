package balancer

import (
	"context"
	"sync"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// Probe asks a task once whether it is healthy, as t.Probe says; an error says why it is
// not. It must end when ctx does.
type Probe func(ctx context.Context, t discovery.Task) error

// Dial tells whether the address accepts a connection. It must end when ctx does.
type Dial func(ctx context.Context, a discovery.Address) error

// An Event is something that Checks or a request found out about a backend.
type Event int

// The events.
const (
	ProbeFailed    Event = iota // its active probe fails now; err says why
	ProbeRecovered              // its active probe passes again
	Ejected                     // its dials fail
	Readmitted                  // its port accepts again
)

func (e Event) String() string {
	return [...]string{"probe failed", "probe recovered", "ejected", "readmitted"}[e]
}

// Checks owns what runs beside the requests: active probes, and dials of backends whose
// port did not accept yet or no longer does. Requests are never used to try these out.
type Checks struct {
	probe  Probe
	dial   Dial
	report func(*Backend, Event, error)
	next   chan *Set // of one place: what to watch from now on
}

// NewChecks makes checks. report is called for each event, from several goroutines; it
// must not block.
func NewChecks(probe Probe, dial Dial, report func(*Backend, Event, error)) *Checks {
	return &Checks{probe: probe, dial: dial, report: report, next: make(chan *Set, 1)}
}

// Watch replaces what is checked by the backends of s, which must have been adopted. It
// may be called before Run, by one goroutine at a time.
func (c *Checks) Watch(s *Set) {
	select {
	case <-c.next: // nobody has looked at that one
	default:
	}
	c.next <- s
}

// Run checks until ctx ends, waits for all its goroutines, and returns nil.
func (c *Checks) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	watched := make(map[*Backend]*watch)
	for {
		select {
		case <-ctx.Done():
			return nil
		case s := <-c.next:
			c.follow(ctx, &all, watched, s)
		}
	}
}
