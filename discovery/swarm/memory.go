package swarm

import (
	"encoding/binary"
	"hash/fnv"
	"time"

	"github.com/docker/docker/api/types/swarm"
)

// memory is what must be kept from one listing to the next to understand it. It is all about
// one cluster.
type memory struct {
	cluster     string
	departures  departures
	generations generations
	networks    networks
	own         own
	hope        hope

	// As decoded from the last answers; those to a question for single tasks would
	// displace the others.
	tasks, departed *objects[swarm.Task]
	services        *objects[swarm.Service]
	nodes           *objects[swarm.Node]
}

func newMemory() *memory {
	return &memory{
		departures:  departures{},
		generations: generations{services: map[string]*lineage{}, prints: map[string]print{}},
		networks:    networks{},
		hope:        newHope(),
		tasks:       newObjects[swarm.Task](),
		departed:    newObjects[swarm.Task](),
		services:    newObjects[swarm.Service](),
		nodes:       newObjects[swarm.Node](),
	}
}

// learn takes in a listing and returns the tasks of it that have not ended, with those that are
// leaving and had dropped out of it.
func (m *memory) learn(l listing) []swarm.Task {
	if l.cluster != "" && l.cluster != m.cluster {
		if m.cluster != "" { // another Swarm was made on that engine
			*m = *newMemory()
		}
		m.cluster = l.cluster
	}
	tasks := m.departures.settle(l)
	m.networks.learn(l)
	m.generations.learn(l.services, tasks)
	m.hope.learn(l, tasks, time.Now())
	return tasks
}

// outlook is what is to be expected of tasks at the moment.
func (m *memory) outlook(tasks []swarm.Task, now time.Time) outlook {
	return m.hope.outlook(tasks, m.generations.prints, now)
}

// networks are the known ones by id; an id that the engine itself does not know has no name. Name
// and kind of a network never change while its id lives.
type networks map[string]networkFacts

type networkFacts struct {
	name    string
	ingress bool
}

func (n networks) unknown(l listing) bool {
	found := false
	l.eachNetwork(func(id string) {
		if _, ok := n[id]; !ok {
			found = true
		}
	})
	return found
}

func (n networks) learn(l listing) {
	if l.networks == nil {
		return
	}
	clear(n)
	for _, s := range l.networks {
		n[s.ID] = networkFacts{name: s.Name, ingress: s.Ingress}
	}
	l.eachNetwork(func(id string) {
		if _, ok := n[id]; !ok {
			n[id] = networkFacts{}
		}
	})
}

func (l listing) eachNetwork(f func(id string)) {
	for _, s := range l.services {
		for _, a := range attached(s) {
			f(a.Target)
		}
	}
}

// attached are the networks of a service. Engines before 1.44 answer with those of very old stacks
// outside the task template.
func attached(s swarm.Service) []swarm.NetworkAttachmentConfig {
	if n := s.Spec.TaskTemplate.Networks; len(n) > 0 {
		return n
	}
	return s.Spec.Networks //lint:ignore SA1019 old engines still answer with it
}

// marks condense a listing into a number. The engine counts up an object's version with each change of
// it, so two listings with equal marks tell the same, and need not be converted again.
type marks struct{ tasks, all uint64 }

func (l listing) marks(tasks []swarm.Task) marks {
	h := fnv.New64a()
	add := func(id string, v swarm.Version) {
		h.Write([]byte(id))
		h.Write(binary.BigEndian.AppendUint64(nil, v.Index))
	}
	for _, t := range tasks {
		add(t.ID+string(t.DesiredState), t.Version)
	}
	m := marks{tasks: h.Sum64()}
	for _, s := range l.services {
		add(s.ID, s.Version)
	}
	for _, n := range l.nodes {
		add(n.ID, n.Version)
	}
	add(l.cluster, swarm.Version{})
	m.all = h.Sum64()
	return m
}

// updating says whether a service is in the midst of an update or of a rollback.
func (l listing) updating() bool {
	for _, s := range l.services {
		if u := s.UpdateStatus; u != nil && (u.State == swarm.UpdateStateUpdating || u.State == swarm.UpdateStateRollbackStarted) {
			return true
		}
	}
	return false
}
