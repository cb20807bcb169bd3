package swarm

import (
	"maps"
	"slices"
	"sync"

	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
	"github.com/moby/swarmkit/v2/api"
)

// store is the cluster as a watch keeps it up to date. It is filled by lists once, then by each
// object that changes.
type store struct {
	mu       sync.Mutex
	cluster  string
	tasks    shelf[swarm.Task]
	services shelf[swarm.Service]
	nodes    shelf[swarm.Node]
	networks shelf[network.Summary]
	made     *listing // of all this; nil: to be made
}

// shelf holds the objects of one kind by id.
type shelf[T any] struct {
	objects map[string]T
	version map[string]uint64
	listed  uint64 // the highest version of the list: what changed before and is not in it was deleted
}

func newShelf[T any]() shelf[T] {
	return shelf[T]{objects: map[string]T{}, version: map[string]uint64{}}
}

func (s *shelf[T]) list(id string, version uint64, o T) {
	s.objects[id], s.version[id], s.listed = o, version, max(s.listed, version)
}

// change takes in an object that was created or has changed. The lists come from the leader, the changes from the
// manager of this node, which may be behind: older ones than what is known are left out.
func (s *shelf[T]) change(id string, version uint64, o T) {
	known, ok := s.version[id]
	if ok && version <= known || !ok && version <= s.listed {
		return
	}
	s.objects[id], s.version[id] = o, version
}

func (s *shelf[T]) remove(id string) {
	delete(s.objects, id)
	delete(s.version, id)
}

// all are the objects in the order of their ids.
func (s *shelf[T]) all() []T {
	list := make([]T, 0, len(s.objects))
	for _, id := range slices.Sorted(maps.Keys(s.objects)) {
		list = append(list, s.objects[id])
	}
	return list
}

// event takes in one change.
func (s *store) event(e *api.WatchMessage_Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made = nil
	gone := e.Action == api.WatchActionKindRemove
	switch o := e.Object.GetObject().(type) {
	case *api.Object_Task:
		put(&s.tasks, gone, o.Task.ID, o.Task.Meta, kitTask(o.Task))
	case *api.Object_Service:
		put(&s.services, gone, o.Service.ID, o.Service.Meta, kitService(o.Service))
	case *api.Object_Node:
		put(&s.nodes, gone, o.Node.ID, o.Node.Meta, kitNode(o.Node))
	case *api.Object_Network:
		put(&s.networks, gone, o.Network.ID, o.Network.Meta, kitNetwork(o.Network))
	}
}

func put[T any](s *shelf[T], gone bool, id string, meta api.Meta, o T) {
	if gone {
		s.remove(id)
		return
	}
	s.change(id, meta.Version.Index, o)
}

// listing is the same one until something changes.
func (s *store) listing() *listing {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.made == nil {
		s.made = &listing{
			cluster: s.cluster, tasks: s.tasks.all(), services: s.services.all(), nodes: s.nodes.all(),
			networks: s.networks.all(), full: true,
		}
	}
	return s.made
}

// fill makes a store of what was listed.
func fill(cluster string, tasks []*api.Task, services []*api.Service, nodes []*api.Node, networks []*api.Network) *store {
	s := &store{
		cluster: cluster, tasks: newShelf[swarm.Task](), services: newShelf[swarm.Service](),
		nodes: newShelf[swarm.Node](), networks: newShelf[network.Summary](),
	}
	for _, t := range tasks {
		s.tasks.list(t.ID, t.Meta.Version.Index, kitTask(t))
	}
	for _, v := range services {
		s.services.list(v.ID, v.Meta.Version.Index, kitService(v))
	}
	for _, n := range nodes {
		s.nodes.list(n.ID, n.Meta.Version.Index, kitNode(n))
	}
	for _, n := range networks {
		s.networks.list(n.ID, n.Meta.Version.Index, kitNetwork(n))
	}
	return s
}
