package sim

import (
	"context"
	"fmt"
	"time"
)

// task is guarded by the Swarm's lock. As in Swarm, desired is written by the manager alone, state
// by the agent alone (live), and both only grow.
type task struct {
	id, container string
	service       *service
	slot          int
	generation    *generation
	node          *node // nil while pending
	desired       State
	state         State
	ran           time.Time // when it became RUNNING; zero: never
	process       *process  // nil before STARTING
}

func (t *task) name() string { return fmt.Sprintf("%s.%d", t.service.spec.Name, t.slot) }

func (t *task) counters() Counters {
	if t.process == nil {
		return Counters{}
	}
	return t.process.counters()
}

// create makes a task and its agent. The caller holds the lock.
func (s *Swarm) create(v *service, slot int, desired State) *task {
	t := &task{id: newID(), container: newContainerID(), service: v, slot: slot, generation: v.target, desired: desired}
	v.tasks = append(v.tasks, t)
	v.forget(slot)
	s.moved = time.Now()
	s.spawn(func(ctx context.Context) error { return s.live(ctx, t) })
	return t
}

// want is the manager's word. The caller holds the lock.
func (s *Swarm) want(t *task, desired State) {
	if desired <= t.desired {
		return
	}
	t.desired = desired
	s.moved = time.Now()
	if desired > Running && !t.state.Ended() {
		s.say(t.service, "%s %s on %s is told to stop", t.name(), t.container, t.place())
	}
}

func (t *task) place() string {
	if t.node == nil {
		return "no node"
	}
	return t.node.name
}

// enter sets a task's state. The caller holds the lock.
func (s *Swarm) enter(t *task, state State) {
	if state == Shutdown && t.desired == Remove {
		state = Remove
	}
	t.state = state
	s.moved = time.Now()
	switch state {
	case Starting:
		s.say(t.service, "%s %s starts on %s", t.name(), t.container, t.place())
	case Running:
		t.ran = time.Now()
		s.say(t.service, "%s %s is running", t.name(), t.container)
	case Shutdown, Remove:
		s.say(t.service, "%s %s has stopped", t.name(), t.container)
	case Failed:
		s.say(t.service, "%s %s has failed", t.name(), t.container)
	}
}

// failed is the manager's answer to a failure: it counts against an update, and the slot gets a
// new task unless it has one. The caller holds the lock.
func (s *Swarm) failed(t *task) {
	if u := t.service.update; u != nil && u.underway() && t.generation == u.target && t.desired <= Running &&
		(t.ran.IsZero() || time.Since(t.ran) < s.timing.Monitor) {
		u.failures++
	}
	s.replace(t)
}

// replace gives a failed or lost task's slot to a successor, after restart_policy.delay. The caller
// holds the lock.
func (s *Swarm) replace(t *task) {
	if t.desired <= Running {
		t.desired = Shutdown
	}
	v := t.service
	if t.slot > v.replicas || v.wanted(t.slot) != nil {
		return
	}
	successor := s.create(v, t.slot, Ready)
	s.spawn(func(ctx context.Context) error {
		if err := sleep(ctx, s.timing.RestartDelay); err != nil {
			return err
		}
		s.change(func() { s.want(successor, Running) })
		return nil
	})
}
