package sim

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// Order is update_config.order.
type Order int

// The orders of an update.
const (
	StartFirst Order = iota // the new task runs before the old one is told to stop
	StopFirst               // the old task has stopped before the new one starts
)

// Manners are what a process does when it gets SIGTERM.
type Manners int

// The manners of processes.
const (
	Graceful Manners = iota // takes no new connection, finishes what it has, exits
	Abrupt                  // exits at once and finishes nothing
	Stubborn                // ignores it and goes on serving until it is killed
)

// A Service as an operator writes it. All services are replicated ones.
type Service struct {
	Name     string
	Replicas int
	// Labels of deploy.labels. The port, which differs from task to task here, is put beside them under
	// the service's own name: traefik.http.services.<Name>.loadbalancer.server.port.
	Labels map[string]string
	Order  Order
	// Parallelism of updates and rollbacks; 0 stands for 1.
	Parallelism int
	// Rollback is failure_action: rollback; otherwise a failed update pauses.
	Rollback bool
	// Checked says that the image has a HEALTHCHECK.
	Checked bool
	// StopGrace is stop_grace_period; 0 stands for 10 s. Timing.Divided does not shorten it.
	StopGrace time.Duration
	Manners   Manners
	// Work is how long each answer takes.
	Work time.Duration
}

func (v Service) stopGrace() time.Duration {
	return cmp.Or(v.StopGrace, 10*time.Second)
}

// generation is one version of a service's spec; a task keeps the one that it was made from.
type generation struct {
	version int
	broken  bool // its tasks never get healthy; without HEALTHCHECK their process exits at once
}

// service is guarded by the Swarm's lock, as are its tasks.
type service struct {
	id       string
	spec     Service // as at the beginning; never changed
	created  time.Time
	replicas int
	target   *generation // what its tasks shall be
	previous *generation // what a rollback goes back to; nil before the first update
	versions int         // updates so far
	update   *update     // the last one; nil before the first
	tasks    []*task     // by age, with some ended ones
	past     Counters    // of the tasks that were forgotten
}

// Scale sets the number of replicas. Those in the highest slots go first.
func (s *Swarm) Scale(name string, replicas int) error {
	if replicas < 0 {
		return fmt.Errorf("service %q: cannot be scaled to %d replicas", name, replicas)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.find(name)
	if err != nil {
		return err
	}
	s.say(v, "%s scaled from %d to %d", name, v.replicas, replicas)
	v.replicas = replicas
	for slot := 1; slot <= replicas; slot++ {
		if v.wanted(slot) == nil {
			s.create(v, slot, Running)
		}
	}
	for _, t := range v.tasks {
		if t.slot > replicas && t.desired < Remove {
			s.want(t, Remove)
		}
	}
	s.events++
	s.wake()
	return nil
}

// wanted is the youngest task in a slot that has not been told to stop; nil if there is none.
func (v *service) wanted(slot int) *task {
	for _, t := range slices.Backward(v.tasks) {
		if t.slot == slot && t.desired <= Running && !t.state.Ended() {
			return t
		}
	}
	return nil
}

// running counts the tasks that run and may go on.
func (v *service) running() int {
	n := 0
	for _, t := range v.tasks {
		if t.desired == Running && t.state == Running {
			n++
		}
	}
	return n
}

// settled is what Settled waits for.
func (v *service) settled() bool {
	for _, t := range v.tasks {
		if t.desired > Running && t.node != nil && t.node.lost {
			continue
		}
		if !t.state.Ended() && (t.desired != Running || t.state != Running) {
			return false
		}
	}
	return v.running() == v.replicas && (v.update == nil || !v.update.underway())
}

// Settled waits until all replicas of the service run, no update is under way and no task
// is stopping, save those on a lost node. It returns an error only if ctx ends or there is no such service.
func (s *Swarm) Settled(ctx context.Context, name string) error {
	s.mu.Lock()
	v, err := s.find(name)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.await(ctx, v.settled)
}

// historyLimit is how many ended tasks of a slot are kept, as Swarm's task-history-limit.
const historyLimit = 5

// forget drops the oldest ended tasks of a slot.
func (v *service) forget(slot int) {
	kept := 0
	for i, t := range slices.Backward(v.tasks) {
		if t.slot != slot || !t.state.Ended() {
			continue
		}
		if kept++; kept > historyLimit {
			v.past = v.past.plus(t.counters())
			v.tasks = slices.Delete(v.tasks, i, i+1)
		}
	}
}
