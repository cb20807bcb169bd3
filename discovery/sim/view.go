package sim

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"

	"github.com/fairlead-proxy/fairlead/discovery"
	"github.com/fairlead-proxy/fairlead/discovery/labels"
)

// Task is what is to be seen of one task.
type Task struct {
	ID, Container  string // Container is 12 hex digits, as its answers say
	Service        string
	Slot, Version  int
	Node           string // "" while pending
	State, Desired State
	Address        netip.AddrPort // invalid before STARTING
	InFlight       int64
	Counters
}

// Name as operators know it: "web.3".
func (t Task) Name() string { return fmt.Sprintf("%s.%d", t.Service, t.Slot) }

// Tasks are those of all services, by service and slot, older ones first, with up to five ended
// ones a slot.
func (s *Swarm) Tasks() []Task {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Task
	for _, v := range s.services {
		from := len(all)
		for _, t := range v.tasks {
			all = append(all, t.seen())
		}
		slices.SortStableFunc(all[from:], func(a, b Task) int { return cmp.Compare(a.Slot, b.Slot) })
	}
	return all
}

func (t *task) seen() Task {
	seen := Task{ID: t.id, Container: t.container, Service: t.service.spec.Name, Slot: t.slot, Version: t.generation.version,
		State: t.state, Desired: t.desired, Counters: t.counters()}
	if t.node != nil {
		seen.Node = t.node.name
	}
	if t.process != nil {
		seen.Address = *t.process.address.Load()
		seen.InFlight = t.process.inFlight.Load()
	}
	return seen
}

// Counters are the sum of all tasks that a service ever had.
func (s *Swarm) Counters(name string) (Counters, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.find(name)
	if err != nil {
		return Counters{}, err
	}
	sum := v.past
	for _, t := range v.tasks {
		sum = sum.plus(t.counters())
	}
	return sum, nil
}

// Phase of the service's last update; "" before the first.
func (s *Swarm) Phase(name string) (Phase, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.find(name)
	if err != nil || v.update == nil {
		return "", err
	}
	return v.update.phase, nil
}

// Kill ends a task's process at once, as `docker rm -f` of its container does. The managers see it
// some time later. It is an error if the task has no process.
func (s *Swarm) Kill(taskID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.services {
		for _, t := range v.tasks {
			if t.id == taskID && t.process != nil && !t.process.ended() {
				s.say(v, "%s %s on %s is killed", t.name(), t.container, t.place())
				t.process.kill()
				s.wake()
				return nil
			}
		}
	}
	return fmt.Errorf("task %q: the simulated swarm has no process of it", taskID)
}

// network is the one that all simulated tasks are on.
const networkID, networkName = "loopback", "loopback"

// cluster lists what is listed of the tasks that have not ended, as labels.Convert wants it. What ran on a
// node that is down is out of reach for good. The caller holds the lock.
func (s *Swarm) cluster(listed func(*task) bool) labels.Cluster {
	c := labels.Cluster{ID: s.id}
	for _, v := range s.services {
		listing := labels.Service{
			ID: v.id, Name: v.spec.Name, Created: v.created, Labels: v.labels(0),
			Networks: []labels.Network{{ID: networkID, Name: networkName}}, Checked: v.spec.Checked,
		}
		for _, t := range v.tasks {
			if !t.state.Ended() && (t.node == nil || !t.node.down) && listed(t) {
				listing.Tasks = append(listing.Tasks, t.listing())
			}
		}
		c.Services = append(c.Services, listing)
	}
	return c
}

func (t *task) listing() labels.Task {
	l := labels.Task{
		ID: t.id, Name: t.name(), Slot: t.slot, Labels: t.service.labels(0),
		Checked: t.service.spec.Checked, StopGrace: t.service.spec.stopGrace(), State: discovery.Starting,
	}
	switch {
	case t.desired > Running:
		l.State = discovery.Leaving
	case t.desired == Running && t.state == Running:
		l.State = discovery.Running
	}
	if t.node != nil {
		l.NodeID, l.Node = t.node.id, t.node.name
	}
	if t.process != nil {
		address := *t.process.address.Load()
		l.Addresses = map[string]netip.Addr{networkID: address.Addr()}
		l.Labels = t.service.labels(address.Port())
	}
	return l
}

// labels of the service, with a task's port; the service itself, and a task that has none yet,
// show Swarm's usual one.
func (v *service) labels(port uint16) map[string]string {
	l := maps.Clone(v.spec.Labels)
	if l == nil {
		l = map[string]string{}
	}
	l["traefik.http.services."+v.spec.Name+".loadbalancer.server.port"] = strconv.Itoa(int(cmp.Or(port, 8000)))
	return l
}
