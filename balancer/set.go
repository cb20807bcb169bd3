package balancer

import (
	"slices"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// Options are what a Set needs from outside.
type Options struct {
	// Link makes the connections of a backend seen for the first time. It must not block.
	Link func(discovery.Task) Link
}

// A Set is the pools of one table. It never changes; the Backends in it, shared with the
// Set before by their Identity, do.
type Set struct {
	hub      *hub
	pools    map[string]*Pool
	backends map[Identity]*entry
	ended    []*Backend // whose task the cluster has no longer
	retired  []*Backend // that only labels took away: the task goes on, perhaps on another port
}

// entry is a backend with what the snapshot says of it.
type entry struct {
	*Backend
	task  discovery.Task
	probe *discovery.Probe
	stay  bool // a service that it is in has its sessions stay while it drains
}

// Build makes the Set of a snapshot's services. It changes nothing that is in use: that
// is left to Adopt. previous is the Set that was adopted last, or nil.
//
// A backend that is in several services has the probe of the first one that gives it any.
func Build(snapshot discovery.Snapshot, previous *Set, o Options) *Set {
	s := &Set{
		pools:    make(map[string]*Pool, len(snapshot.Services)),
		backends: make(map[Identity]*entry),
	}
	if previous == nil {
		s.hub, previous = newHub(), &Set{}
	} else {
		s.hub = previous.hub
	}
	s.enter(snapshot.Services, previous, o)
	backend := func(t discovery.Task) *Backend { return s.backends[identify(t)].Backend }
	for _, service := range snapshot.Services {
		s.pools[service.Name] = newPool(service, backend, previous.pools[service.Name], s.hub)
	}
	for id, e := range previous.backends {
		if s.backends[id] != nil {
			continue
		}
		if _, ended := slices.BinarySearch(snapshot.Ended, id.Task); ended {
			s.ended = append(s.ended, e.Backend)
		} else {
			s.retired = append(s.retired, e.Backend)
		}
	}
	return s
}

// enter fills in the backends.
func (s *Set) enter(services []discovery.Service, previous *Set, o Options) {
	for _, service := range services {
		stay := service.Sticky != nil && service.Sticky.OnDrain == discovery.Stay
		for _, t := range service.Tasks {
			if t.Address.HostPort == "" {
				continue
			}
			e := s.backends[identify(t)]
			if e == nil {
				e = &entry{task: t, probe: t.Probe}
				s.backends[identify(t)] = e
			} else if e.probe == nil {
				e.probe = t.Probe
			}
			e.stay = e.stay || stay
		}
	}
	for id, e := range s.backends {
		if before := previous.backends[id]; before != nil {
			e.Backend = before.Backend
		} else {
			e.Backend = newBackend(e.task, e.probe != nil, e.stay, o.Link(e.task), s.hub)
		}
	}
}

// Adopt makes the Set the one in force. It is called once, and calls store, which must store the
// pointer to the Set's table. Before that, tasks that run now take requests; after it, tasks that are
// leaving begin to drain and those that have ended are abandoned. So a session whose task goes finds
// the next one in its seat at every moment. A backend that only lost its place because of labels
// keeps its requests, and loses its idle connections: nobody will ask it again.
func (s *Set) Adopt(store func()) {
	var losing []*entry
	for _, e := range s.backends {
		if e.task.State == discovery.Running && !e.task.Withdrawn {
			e.observe(e)
		} else {
			losing = append(losing, e)
		}
	}
	store()
	last := s.lastReady()
	for _, e := range losing {
		e.observe(e)
		if e.task.State == discovery.Leaving {
			e.drain(parting{last: last[e.Backend], stay: e.stay})
		}
	}
	for _, b := range s.ended {
		b.end()
	}
	for _, b := range s.retired {
		b.link.Drain()
	}
	s.hub.notify()
}

// lastReady finds the backends that are about to drain though their service has no other
// that is ready.
func (s *Set) lastReady() map[*Backend]bool {
	last := make(map[*Backend]bool)
	for _, p := range s.pools {
		var leaving []*Backend
		stays := false
		for _, m := range p.members {
			switch task := &s.backends[m.Identity()].task; {
			case !m.Ready() || task.Withdrawn:
			case task.State == discovery.Leaving:
				leaving = append(leaving, m.Backend)
			default:
				stays = true
			}
		}
		if !stays {
			for _, b := range leaving {
				last[b] = true
			}
		}
	}
	return last
}

// Pool is the pool of the service of that name; nil if there is none.
func (s *Set) Pool(service string) *Pool { return s.pools[service] }

// Changed is closed when a backend became ready or a newer Set was adopted. Get it first,
// Take then, wait for it if there was nothing to take: in another order a change is missed.
func (s *Set) Changed() <-chan struct{} { return s.hub.changed() }
