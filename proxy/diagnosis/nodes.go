package diagnosis

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// nodes are what the backends of all services tell of the nodes that they run on, by name.
type nodes map[string]*node

type node struct {
	backends int
	answer   int  // of these, those from whose address something came back
	ready    bool // Swarm calls it so
}

func survey(v View) nodes {
	ns := nodes{}
	at := func(name string) *node {
		if ns[name] == nil {
			ns[name] = &node{}
		}
		return ns[name]
	}
	for _, n := range v.Nodes {
		at(n.Name).ready = !n.Down
	}
	for _, p := range v.Pools {
		for _, b := range p.Backends {
			n := at(b.Task.Node)
			switch v.complaint(b) {
			case silent:
				n.backends++
			case refusing, failing, choked:
				n.backends++
				n.answer++
			case fine:
				if b.State == "ready" {
					n.backends++
					n.answer++
				}
			}
		}
	}
	return ns
}

// others tells whether other nodes than that one have backends, and whether any of those answers.
func (ns nodes) others(name string) (backends, answer bool) {
	for other, n := range ns {
		if other != name {
			backends = backends || n.backends > 0
			answer = answer || n.answer > 0
		}
	}
	return backends, answer
}

// group is patients that have the same thing, on the same node where that matters.
type group struct {
	complaint complaint
	node      string // of silent ones
	patients  []patient
}

func grouped(ill []patient) []*group {
	var all []*group
	for _, p := range ill {
		at := ""
		if p.complaint == silent {
			at = p.Task.Node
		}
		i := slices.IndexFunc(all, func(g *group) bool { return g.complaint == p.complaint && g.node == at })
		if i < 0 {
			all = append(all, &group{complaint: p.complaint, node: at})
			i = len(all) - 1
		}
		all[i].patients = append(all[i].patients, p)
	}
	slices.SortStableFunc(all, func(a, b *group) int {
		return cmp.Or(cmp.Compare(a.complaint, b.complaint), cmp.Compare(a.node, b.node))
	})
	return all
}

// names are the group's tasks: "shop_web.1, shop_web.2 and 3 more".
func (g *group) names() string {
	const most = 3
	var names []string
	for _, p := range g.patients {
		names = append(names, p.Task.Name)
	}
	slices.Sort(names)
	if rest := len(names) - most; rest > 1 {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", rest)
	}
	if last := len(names) - 1; last > 0 {
		return strings.Join(names[:last], ", ") + " and " + names[last]
	}
	return names[0]
}

// verb is the form that fits the group's number.
func (g *group) verb(one, more string) string {
	if len(g.patients) == 1 {
		return one
	}
	return more
}
