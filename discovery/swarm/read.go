package swarm

import (
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/swarm"

	"github.com/fairlead-proxy/fairlead/discovery"
	"github.com/fairlead-proxy/fairlead/discovery/labels"
)

// defaultStopGrace is the engine's own where a service sets none.
const defaultStopGrace = 10 * time.Second

// read turns a listing, with what is remembered, into the values that labels are read from.
func (m *memory) read(v view) labels.Cluster {
	byID := make(map[string]swarm.Node, len(v.listing.nodes))
	for _, n := range v.listing.nodes {
		byID[n.ID] = n
	}
	of := map[string][]labels.Task{}
	for _, t := range v.tasks {
		node := byID[t.NodeID]
		gone, withdrawn := v.absent[t.ID]
		// Swarm replaces the tasks of a node that is down in a moment, and what it says of them is only the
		// last that was heard.
		if l := m.generations.services[t.ServiceID]; l != nil && !gone && node.Status.State != swarm.NodeStateDown {
			task := m.task(t, l.service.Spec.Name, node)
			task.Stuck, task.Withdrawn = v.outlook.stuck[t.ID], withdrawn && task.State == discovery.Running
			of[t.ServiceID] = append(of[t.ServiceID], task)
		}
	}
	c := labels.Cluster{ID: m.cluster, Leaving: m.own.leaving}
	for _, n := range v.listing.nodes {
		c.Nodes = append(c.Nodes, discovery.Node{Name: n.Description.Hostname, Down: n.Status.State == swarm.NodeStateDown})
	}
	names := map[string]int{}
	for _, l := range m.generations.sorted() {
		s := l.service
		// A service that was removed and made anew under its name is one to those who use it:
		// tasks that drain join their successors, and the labels of now are the only ones.
		if i, ok := names[s.Spec.Name]; ok {
			c.Services[i].Tasks = append(c.Services[i].Tasks, of[s.ID]...)
			continue
		}
		names[s.Spec.Name] = len(c.Services)
		out := m.service(s, of[s.ID])
		out.Awaited = v.outlook.awaited[s.ID] && !l.removed
		c.Services = append(c.Services, out)
	}
	return c
}

func (m *memory) service(s swarm.Service, tasks []labels.Task) labels.Service {
	out := labels.Service{
		ID:      s.ID,
		Name:    s.Spec.Name,
		Created: s.CreatedAt,
		Labels:  s.Spec.Labels,
		Checked: checked(s.Spec.TaskTemplate.ContainerSpec),
		Tasks:   tasks,
	}
	if e := s.Spec.EndpointSpec; e != nil {
		for _, p := range e.Ports {
			if p.Protocol == swarm.PortConfigProtocolTCP {
				out.Ports = append(out.Ports, int(p.TargetPort))
			}
		}
	}
	for _, a := range attached(s) {
		if n := m.networks[a.Target]; n.name != "" && !n.ingress {
			out.Networks = append(out.Networks, labels.Network{ID: a.Target, Name: n.name})
		}
	}
	return out
}

func (m *memory) task(t swarm.Task, service string, node swarm.Node) labels.Task {
	out := labels.Task{
		ID:        t.ID,
		Name:      service + "." + t.NodeID,
		Slot:      t.Slot,
		NodeID:    t.NodeID,
		Node:      node.Description.Hostname,
		State:     stateOf(t),
		Addresses: map[string]netip.Addr{},
		Labels:    m.generations.labels(t),
		Checked:   checked(t.Spec.ContainerSpec),
		StopGrace: defaultStopGrace,
	}
	if t.Slot > 0 {
		out.Name = service + "." + strconv.Itoa(t.Slot)
	}
	if d := t.Spec.ContainerSpec.StopGracePeriod; d != nil {
		out.StopGrace = *d
	}
	for _, a := range t.NetworksAttachments {
		if addr, ok := addressOf(a); ok {
			out.Addresses[a.Network.ID] = addr
		}
	}
	return out
}

// stateOf a task that has not ended.
func stateOf(t swarm.Task) discovery.State {
	switch {
	case departing(t):
		return discovery.Leaving
	case t.DesiredState == swarm.TaskStateRunning && t.Status.State == swarm.TaskStateRunning:
		return discovery.Running
	}
	return discovery.Starting
}

// checked says that the stack gives a HEALTHCHECK. One that only the image has cannot be seen here:
// images are never asked for, and a service that sets an interval alone does not prove that there is one.
func checked(c *swarm.ContainerSpec) bool {
	return c != nil && c.Healthcheck != nil && len(c.Healthcheck.Test) > 0 && c.Healthcheck.Test[0] != "NONE"
}

// addressOf prefers IPv4, which every overlay network has.
func addressOf(a swarm.NetworkAttachment) (netip.Addr, bool) {
	var found []netip.Addr
	for _, text := range a.Addresses {
		if p, err := netip.ParsePrefix(text); err == nil {
			found = append(found, p.Addr())
		}
	}
	if len(found) == 0 {
		return netip.Addr{}, false
	}
	if i := slices.IndexFunc(found, netip.Addr.Is4); i >= 0 {
		return found[i], true
	}
	return found[0], true
}
