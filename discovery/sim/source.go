package sim

import (
	"context"
	"reflect"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
	"github.com/fairlead-proxy/fairlead/discovery/labels"
)

// view is a discovery.Source: one way to learn of the cluster.
type view struct {
	swarm  *Swarm
	listed func(*task) bool
	next   func() (wait time.Duration, event func() bool) // the caller holds the lock
}

// Watch is a source that learns of changes as discovery/swarm does: it lists the cluster each
// Timing.Idle, each Timing.Busy while something is under way, at once when a service or a node changes;
// and it shows tasks that have been told to stop as leaving.
func (s *Swarm) Watch() discovery.Source {
	return view{swarm: s, listed: everything, next: func() (time.Duration, func() bool) {
		wait, known := s.timing.Idle, s.events
		if s.busy() {
			wait = s.timing.Busy
		}
		return wait, func() bool { return s.events != known }
	}}
}

// Poll is a source that lists the cluster each interval, and hears of nothing meanwhile. It knows no
// draining: a task is there while it runs and shall run, and then is not.
func (s *Swarm) Poll(interval time.Duration) discovery.Source {
	return view{swarm: s, listed: func(t *task) bool { return t.desired == Running && t.state == Running },
		next: func() (time.Duration, func() bool) { return interval, func() bool { return false } }}
}

func everything(*task) bool { return true }

// busy says that changes are to be expected. The caller holds the lock.
func (s *Swarm) busy() bool {
	for _, v := range s.services {
		if v.update != nil && v.update.underway() {
			return true
		}
	}
	return time.Since(s.moved) < s.timing.Recent
}

// Run implements discovery.Source.
func (v view) Run(ctx context.Context, apply func(discovery.Snapshot)) error {
	var last *labels.Cluster
	var applied *discovery.Snapshot
	for {
		v.swarm.mu.Lock()
		cluster, whole := v.swarm.cluster(v.listed), v.swarm.cluster(everything)
		wait, event := v.next()
		v.swarm.mu.Unlock()
		if last == nil || !reflect.DeepEqual(*last, cluster) {
			last = &cluster
			snapshot := labels.Convert(cluster, labels.Options{})
			snapshot.Ended = whole.Ended(applied)
			applied = &snapshot
			apply(snapshot)
		}
		waiting, cancel := context.WithTimeout(ctx, wait)
		_ = v.swarm.await(waiting, event) // an event, the time, or the end of ctx: below
		cancel()
		if ctx.Err() != nil {
			return nil
		}
	}
}
