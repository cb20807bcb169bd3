// Package sim is a Swarm inside the process: nodes, services, and tasks that are real HTTP
// listeners on loopback. Tasks live as they do on a real engine, with the times that were
// measured there (see Timing), so that what a proxy gets to know and when it gets to know it is
// as in production; only the containers are missing. The demo command shows it, and tests
// of the data path run against it with shorter times, as the example does.
//
// Each call that changes the cluster returns at once; what follows from it takes its time.
package sim

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options of a simulated Swarm.
type Options struct {
	// Services that it runs from the beginning. Names are unique.
	Services []Service
	// Nodes is how many there are, named node-1 and so on; 0 stands for 3.
	Nodes int
	// Timing is how long things take; the zero value stands for Measured().
	Timing Timing
	// Notify is told of all that happens, in order, one call at a time. It must not block and
	// must not call the Swarm. It may be nil.
	Notify func(Event)
}

// An Event is one thing that happened in the cluster, as a line for people.
type Event struct {
	At      time.Time
	Service string // "" if it concerns a node
	Text    string
}

// Swarm is the simulated cluster. Its methods may be called from any goroutine, before Run too.
type Swarm struct {
	id     string
	timing Timing
	notify func(Event)

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced at each change of what mu guards
	nodes    []*node
	services []*service
	events   int       // changes of services and nodes, which an engine announces
	moved    time.Time // when a task last changed, which it does not
	todo     []func(context.Context) error
}

// New makes a Swarm in which nothing happens before Run.
func New(o Options) *Swarm {
	if o.Nodes == 0 {
		o.Nodes = 3
	}
	if o.Timing == (Timing{}) {
		o.Timing = Measured()
	}
	if o.Notify == nil {
		o.Notify = func(Event) {}
	}
	s := &Swarm{id: newID(), timing: o.Timing, notify: o.Notify, changed: make(chan struct{})}
	for i := range o.Nodes {
		s.nodes = append(s.nodes, &node{name: fmt.Sprintf("node-%d", i+1), id: newID(), gate: newGate()})
	}
	for _, spec := range o.Services {
		v := &service{id: newID(), spec: spec, created: time.Now(), replicas: spec.Replicas, target: &generation{version: 1}}
		v.spec.Labels = maps.Clone(spec.Labels)
		s.services = append(s.services, v)
		for slot := 1; slot <= spec.Replicas; slot++ {
			s.create(v, slot, Running)
		}
	}
	return s
}

// Run lets the cluster live until ctx ends, then ends all listeners and connections, waits
// for its goroutines, and returns nil. It may be called once.
func (s *Swarm) Run(ctx context.Context) error {
	var g errgroup.Group
	for {
		var todo []func(context.Context) error
		err := s.await(ctx, func() bool {
			todo, s.todo = s.todo, nil
			return len(todo) > 0
		})
		if err != nil {
			_ = g.Wait() // what they return is that ctx ended
			return nil
		}
		for _, do := range todo {
			g.Go(func() error { return do(ctx) })
		}
	}
}

// spawn has Run start a goroutine. The caller holds the lock.
func (s *Swarm) spawn(do func(context.Context) error) {
	s.todo = append(s.todo, do)
}

// change writes under the lock and wakes all who wait.
func (s *Swarm) change(write func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	write()
	s.wake()
}

func (s *Swarm) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// await waits until met says yes. met is asked with the lock held, again after each change; so what
// it writes before it says yes is one step with the condition.
func (s *Swarm) await(ctx context.Context, met func() bool) error {
	for {
		s.mu.Lock()
		if err := ctx.Err(); err != nil {
			s.mu.Unlock()
			return err
		}
		if met() {
			s.wake()
			s.mu.Unlock()
			return nil
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// say tells of an event. The caller holds the lock.
func (s *Swarm) say(v *service, format string, args ...any) {
	e := Event{At: time.Now(), Text: fmt.Sprintf(format, args...)}
	if v != nil {
		e.Service = v.spec.Name
	}
	s.notify(e)
}

func (s *Swarm) find(name string) (*service, error) {
	i := slices.IndexFunc(s.services, func(v *service) bool { return v.spec.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("service %q: the simulated swarm has none of that name", name)
	}
	return s.services[i], nil
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// newID is an id in the engine's form: 25 letters and digits.
func newID() string {
	return strings.ToLower(rand.Text())[:25]
}

// newContainerID is a container's id as its host name shows it: 12 hex digits.
func newContainerID() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails, as crypto/rand promises
	return fmt.Sprintf("%x", b)
}
