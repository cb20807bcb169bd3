package swarm

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"

	"github.com/docker/docker/api/types/swarm"
)

// generations tells which labels a task was born under. A service's labels change at once,
// its tasks follow over minutes, and where a task listens is decided by what it was started from.
//
// So a generation is what containers are started from (origin), and the counter of forced updates. Two tasks with the same one listen on the same port, whatever was written
// about it when; that gives the rule for both cases:
//
//   - The template changes, labels too (a new image listens elsewhere): tasks of the template before keep the
//     labels that were last seen with it.
//   - Labels alone change (docker service update --label-add): no task is replaced, so
//     what is written now is meant for those that run, and counts at once.
//
// Placement, resources, health checks and published ports are left out on purpose. Swarm replaces tasks
// for some changes of these and not for others (swarmkit, orchestrator.IsTaskDirty), but the
// container in them listens where it did.
//
// A service that was removed is remembered while tasks of it drain.
type generations struct {
	services map[string]*lineage
	prints   map[string]print // of tasks by id: a task's spec never changes
}

// print is the fingerprint of a generation.
type print [sha256.Size]byte

// lineage is a service with the labels of its generations.
type lineage struct {
	service swarm.Service
	removed bool
	labels  map[print]map[string]string
	current print
}

func (g *generations) learn(services []swarm.Service, tasks []swarm.Task) {
	alive := make(map[string]bool, len(services))
	for _, s := range services {
		alive[s.ID] = true
		g.service(s)
	}
	prints := make(map[string]print, len(tasks))
	used := map[string]map[print]bool{}
	for _, t := range tasks {
		p, ok := g.prints[t.ID]
		if !ok {
			p = printOf(t.Spec)
		}
		prints[t.ID] = p
		if used[t.ServiceID] == nil {
			used[t.ServiceID] = map[print]bool{}
		}
		used[t.ServiceID][p] = true
	}
	g.prints = prints
	maps.DeleteFunc(g.services, func(id string, _ *lineage) bool { return !alive[id] && used[id] == nil })
	for id, l := range g.services {
		l.removed = !alive[id]
		maps.DeleteFunc(l.labels, func(p print, _ map[string]string) bool { return p != l.current && !used[id][p] })
	}
}

// service takes in a service's spec and the one before it. PreviousSpec is what a proxy
// that was started in the midst of an update knows the older tasks' labels from.
func (g *generations) service(s swarm.Service) {
	l := g.services[s.ID]
	if l == nil {
		l = &lineage{labels: map[print]map[string]string{}}
		g.services[s.ID] = l
	} else if l.service.Version == s.Version {
		return
	}
	l.service, l.current = s, printOf(s.Spec.TaskTemplate)
	if p := s.PreviousSpec; p != nil {
		l.labels[printOf(p.TaskTemplate)] = p.Labels
	}
	l.labels[l.current] = s.Spec.Labels
}

// labels of the generation that t belongs to. A generation that was never seen is older than
// the previous spec, or one that was rolled back before this proxy came: the previous
// labels are the nearest to it that are known, else the current ones.
func (g *generations) labels(t swarm.Task) map[string]string {
	l := g.services[t.ServiceID]
	if labels, ok := l.labels[g.prints[t.ID]]; ok {
		return labels
	}
	if p := l.service.PreviousSpec; p != nil {
		return p.Labels
	}
	return l.service.Spec.Labels
}

// sorted are the services, those that were removed last.
func (g *generations) sorted() []*lineage {
	return slices.SortedFunc(maps.Values(g.services), func(a, b *lineage) int {
		if a.removed != b.removed {
			if a.removed {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.service.ID, b.service.ID)
	})
}

// printOf is the same whether a spec was listed or watched.
func printOf(s swarm.TaskSpec) print {
	o := origin{Force: s.ForceUpdate}
	if c := s.ContainerSpec; c != nil {
		o.Image, o.Hostname, o.Dir, o.User = c.Image, c.Hostname, c.Dir, c.User
		o.Command, o.Args, o.Env, o.Labels = c.Command, c.Args, c.Env, c.Labels
		for _, m := range c.Mounts {
			o.Files = append(o.Files, m.Source, m.Target)
		}
		for _, r := range c.Configs {
			o.Files = append(o.Files, r.ConfigID)
		}
		for _, r := range c.Secrets {
			o.Files = append(o.Files, r.SecretID)
		}
	}
	b, err := json.Marshal(o)
	if err != nil {
		panic("swarm: strings that are not JSON: " + err.Error())
	}
	return sha256.Sum256(b)
}

// origin is what decides what a container does: all that a process is started from.
type origin struct {
	Force                      uint64
	Image, Hostname, Dir, User string
	Command, Args, Env, Files  []string          `json:",omitempty"`
	Labels                     map[string]string `json:",omitempty"`
}
