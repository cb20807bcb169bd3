package labels

import (
	"fmt"
	"slices"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// claim gives a router its name. Where an older Swarm service has a different router of that name,
// this one is scoped with its service's name.
func (c *conversion) claim(s *Service, r discovery.Router) {
	older, taken := c.routers[r.Name]
	if !taken {
		c.routers[r.Name] = &r
		return
	}
	if same(*older, r) {
		return
	}
	name := r.Name
	r.Name = name + "-" + Normalize(s.Name)
	for i := 2; c.routers[r.Name] != nil; i++ {
		r.Name = fmt.Sprintf("%s-%s-%d", name, Normalize(s.Name), i)
	}
	c.routers[r.Name] = &r
	c.problems = append(c.problems, r.Origin.Problem("",
		fmt.Sprintf("%s has another router named %q and is older: this one is named %q", older.Origin.Subject, name, r.Name),
		"give it a name of its own"))
}

// same says whether two routers do the same, whoever wrote them.
func same(a, b discovery.Router) bool {
	return a.Rule == b.Rule && a.Priority == b.Priority && a.Service == b.Service && a.TLS == b.TLS &&
		slices.Equal(a.EntryPoints, b.EntryPoints) && slices.Equal(a.Middlewares, b.Middlewares)
}

// joined is a service with the tasks of all Swarm services that are in it.
type joined struct {
	service discovery.Service
	owner   string // the oldest of the Swarm services
}

// join adds a Swarm service's tasks to the service of that name.
func (c *conversion) join(s *Service, b *Balancer, tasks []discovery.Task) {
	j := c.services[b.Name]
	if j == nil {
		j = &joined{service: b.Service, owner: s.Name}
		j.service.Tasks, j.service.Awaited = tasks, s.Awaited
		if j.service.Origin.Prefix == "" {
			j.service.Origin.Subject = s.Name
		}
		c.services[b.Name] = j
		return
	}
	if wrong := differ(j.service, b.Service); wrong != "" {
		c.problems = append(c.problems, b.Origin.Problem("",
			fmt.Sprintf("%s defines the service %q with another %s and is older: its own is used", j.owner, b.Name, wrong),
			"write the same on both, or rename one"))
	}
	j.service.Awaited = j.service.Awaited || s.Awaited
	// The oldest keeps the seats that its sessions know.
	for _, t := range tasks {
		t.Seat = discovery.Seat(s.Name + "." + string(t.Seat))
		j.service.Tasks = append(j.service.Tasks, t)
	}
}

// differ names what two services that join do not agree on; "" if they do.
func differ(a, b discovery.Service) string {
	switch {
	case a.Strategy != b.Strategy:
		return "strategy"
	case a.PassHostHeader != b.PassHostHeader:
		return "passhostheader"
	case (a.Sticky == nil) != (b.Sticky == nil), a.Sticky != nil && *a.Sticky != *b.Sticky:
		return "sticky"
	case a.SlowStart != b.SlowStart:
		return "slowstart"
	}
	return ""
}
