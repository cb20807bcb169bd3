package labels

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// Convert reads the labels of a cluster. It is a pure function: equal clusters in any order give
// equal snapshots. It never fails; what cannot work is among the snapshot's Problems.
func Convert(cluster Cluster, o Options) discovery.Snapshot {
	c := conversion{options: o, routers: map[string]*discovery.Router{}, services: map[string]*joined{}}
	if o.Shared != nil {
		c.shared = byName(o.Shared)
		if c.shared == nil {
			c.shared = []Network{}
		}
	}
	c.rule, c.problems = parseDefaultRule(o.DefaultRule)
	services := make([]*Service, len(cluster.Services))
	for i := range cluster.Services {
		services[i] = &cluster.Services[i]
	}
	slices.SortFunc(services, func(a, b *Service) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	for _, s := range services {
		c.add(s)
	}
	return c.snapshot(cluster)
}

// A conversion is one call of Convert.
type conversion struct {
	options   Options
	shared    []Network // as in Options, by name
	rule      *template.Template
	routers   map[string]*discovery.Router
	services  map[string]*joined
	unchecked []unchecked
	problems  []discovery.Problem
}

// unchecked is a Swarm service without a HEALTHCHECK, and the services that it is in.
type unchecked struct {
	subject  string
	services []string
}

func (c *conversion) problem(s *Service, label, wrong, cure string) {
	c.problems = append(c.problems, discovery.Problem{Subject: s.Name, Label: label, Wrong: wrong, Cure: cure})
}

// add reads one Swarm service. Those that came before are older.
func (c *conversion) add(s *Service) {
	written := settings(s.Name, s.Labels)
	d := Decode(written)
	byDefault := c.options.ExposedByDefault
	asked := d.Enable != nil && *d.Enable || d.Enable == nil && byDefault != nil && *byDefault
	if !asked && (d.Enable != nil || byDefault != nil || len(written) == 0) {
		// Nobody needs to know what is wrong with labels that are switched off, but for the switch.
		for _, p := range d.Problems {
			if strings.HasSuffix(strings.ToLower(p.Label), ".enable") {
				c.problems = append(c.problems, p)
			}
		}
		return
	}
	c.problems = append(c.problems, d.Problems...)
	bare := len(d.Routers) == 0 && len(d.Balancers) == 0
	if bare && (!asked || d.streams) {
		return
	}
	// A port that is published is only taken for one to route to where somebody asked for that.
	port := 0
	if ports := slices.Compact(slices.Sorted(slices.Values(s.Ports))); len(ports) == 1 && (asked || len(d.Routers) > 0) {
		port = ports[0]
	}
	if len(written) == 0 && (port == 0 || !c.reachable(s)) {
		return
	}
	balancers := c.addRouters(s, d)
	if len(balancers) == 0 {
		return
	}
	if !s.Checked {
		c.unchecked = append(c.unchecked, unchecked{s.Name, names(balancers)})
	}
	g := generations{service: s, current: d, published: port, networks: c.reach(s, d)}
	for _, b := range balancers {
		if b.Port == 0 && port == 0 {
			c.portMissing(s, b)
		}
		c.join(s, b, g.tasks(b))
	}
}

// reachable says whether a service is on a network of the proxy's.
func (c *conversion) reachable(s *Service) bool {
	return c.shared == nil && len(s.Networks) > 0 || slices.ContainsFunc(s.Networks, func(n Network) bool {
		return slices.ContainsFunc(c.shared, func(m Network) bool { return m.ID == n.ID })
	})
}

func (c *conversion) portMissing(s *Service, b *Balancer) {
	prefix := b.Origin.Prefix
	if prefix == "" {
		prefix = prefixOf(s) + "http.services." + b.Name + ".loadbalancer"
	}
	wrong := "it does not say which port its tasks listen on"
	if len(s.Ports) > 1 {
		wrong += ", and it publishes several"
	}
	c.problem(s, prefix+".server.port", wrong, "set it to the port inside the container")
}

// addRouters completes a Swarm service's routers as Traefik does (BuildRouterConfiguration) and
// returns its balancers, those that nobody wrote included.
func (c *conversion) addRouters(s *Service, d *Definition) []*Balancer {
	implicit := Normalize(s.Name)
	balancers, routers := d.Balancers, d.Routers
	if len(routers) == 0 {
		if len(balancers) > 1 {
			c.problem(s, "", fmt.Sprintf("it has several services (%s) and no router", strings.Join(names(balancers), ", ")),
				"add a router for each, such as "+prefixOf(s)+"http.routers."+balancers[0].Name+".service="+balancers[0].Name)
			return balancers
		}
		routers = []*Router{{Router: discovery.Router{Name: implicit, Origin: discovery.Origin{Subject: s.Name}}}}
	}
	for _, r := range routers {
		if r.Service == "" && len(balancers) > 1 {
			c.problems = append(c.problems, r.Origin.Problem("service",
				fmt.Sprintf("it does not say which of the services %s answers, so it is left out", strings.Join(names(balancers), ", ")),
				"set it to one of them"))
			continue
		}
		if r.Rule == "" && !c.setDefaultRule(s, r) {
			continue
		}
		if r.Service == "" && len(balancers) == 1 {
			r.Service = balancers[0].Name
		} else if r.Service == "" {
			r.Service = implicit
		}
		c.claim(s, r.Router)
	}
	return append(balancers[:len(balancers):len(balancers)], c.unwritten(d, routers, implicit)...)
}

// unwritten are the balancers that routers ask for and no usable setting defines: the implicit one,
// and those that only bad settings name.
func (c *conversion) unwritten(d *Definition, routers []*Router, implicit string) []*Balancer {
	var more []*Balancer
	for _, r := range routers {
		name := strings.ToLower(r.Service)
		b := d.vague[name]
		if b == nil && r.Service == implicit && len(d.Balancers) == 0 {
			b = newBalancer(implicit)
			b.Origin.Subject = r.Origin.Subject
		}
		if b != nil && d.balancers[name] == nil && !slices.ContainsFunc(more, func(m *Balancer) bool { return m.Name == b.Name }) {
			more = append(more, b)
		}
	}
	return more
}

func (c *conversion) setDefaultRule(s *Service, r *Router) bool {
	rule, err := ruleFor(c.rule, s)
	switch {
	case err != nil:
		c.problems = append(c.problems, r.Origin.Problem("rule", fmt.Sprintf("there is none, and the default rule cannot be made: %v", err), "write a rule"))
	case rule == "":
		c.problems = append(c.problems, r.Origin.Problem("rule", "there is none, and the default rule is empty", "write a rule"))
	}
	r.Rule = rule
	return err == nil && rule != ""
}

func names(balancers []*Balancer) []string {
	list := make([]string, len(balancers))
	for i, b := range balancers {
		list[i] = b.Name
	}
	return list
}

// snapshot puts what was read into order.
func (c *conversion) snapshot(cluster Cluster) discovery.Snapshot {
	snap := discovery.Snapshot{Cluster: cluster.ID, Leaving: cluster.Leaving, Nodes: slices.Clone(cluster.Nodes)}
	slices.SortFunc(snap.Nodes, func(a, b discovery.Node) int { return cmp.Compare(a.Name, b.Name) })
	routed := map[string]bool{}
	for _, r := range c.routers {
		snap.Routers = append(snap.Routers, *r)
		routed[r.Service] = true
	}
	for _, j := range c.services {
		slices.SortFunc(j.service.Tasks, func(a, b discovery.Task) int { return cmp.Compare(a.ID, b.ID) })
		snap.Services = append(snap.Services, j.service)
	}
	slices.SortFunc(snap.Routers, func(a, b discovery.Router) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(snap.Services, func(a, b discovery.Service) int { return cmp.Compare(a.Name, b.Name) })
	for _, u := range c.unchecked {
		if slices.ContainsFunc(u.services, func(name string) bool { return routed[name] }) {
			c.problems = append(c.problems, discovery.Problem{
				Subject: u.subject, Wrong: "its stack file gives it no HEALTHCHECK, so a new task counts as ready once its port accepts, and Swarm cannot tell a broken update",
				Cure: "add a healthcheck to the service; one that only its image has works, but cannot be seen from here",
			})
		}
	}
	c.problems = append(c.problems, NameCookies(snap.Services, snap.Routers, "swarm")...)
	snap.Problems = discovery.SortProblems(c.problems)
	return snap
}
