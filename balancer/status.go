package balancer

import (
	"slices"
	"strings"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// PoolStatus is a pool at one moment, as plain values for metrics and the dashboard.
type PoolStatus struct {
	Service string
	Ready   int
	// Backends are sorted by task id; those that left the pool come last, while requests have them.
	Backends []BackendStatus
	// Coming are the tasks without an address yet.
	Coming []discovery.Task
}

// BackendStatus is a backend at one moment.
type BackendStatus struct {
	Task     discovery.Task // as first seen
	Weight   int            // in this pool
	State    string         // "ready", "draining", "withdrawn" (by the cluster), "ejected", "failing" (its probe), "unproven" (its port) or "starting"
	InFlight int64
	Link     Link
	// Err is what the last dial or probe of it failed with; nil after one that did not.
	Err error
}

// Status tells of all pools, sorted by service.
func (s *Set) Status() []PoolStatus {
	all := make([]PoolStatus, 0, len(s.pools))
	for _, p := range s.pools {
		all = append(all, p.status())
	}
	slices.SortFunc(all, func(a, b PoolStatus) int { return strings.Compare(a.Service, b.Service) })
	return all
}

func (p *Pool) status() PoolStatus {
	s := PoolStatus{Service: p.service, Coming: p.coming}
	for _, m := range p.members {
		b := m.status()
		b.Weight = m.weight
		if b.State == "ready" {
			s.Ready++
		}
		s.Backends = append(s.Backends, b)
	}
	for _, b := range p.gone {
		if b.InFlight() > 0 {
			left := b.status()
			left.State = "draining" // also where it was only relabelled: no request comes to it any more
			s.Backends = append(s.Backends, left)
		}
	}
	return s
}

func (b *Backend) status() BackendStatus {
	state := "unproven"
	switch c := b.now(); {
	case c.has(isReady):
		state = "ready"
	case c.has(isDraining):
		state = "draining"
	case !c.has(isRunning):
		state = "starting"
	case c.has(isWithdrawn):
		state = "withdrawn"
	case c.has(isEjected):
		state = "ejected"
	case c.has(isFailing):
		state = "failing"
	}
	return BackendStatus{Task: b.task, State: state, InFlight: b.InFlight(), Link: b.link, Err: b.trouble()}
}
