package labels

import (
	"maps"
	"net/netip"
	"strconv"
	"strings"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// generations are the label sets that a Swarm service's tasks were made with. Nearly all tasks have
// the current one; each other one is read once.
type generations struct {
	service   *Service
	current   *Definition
	published int // the port that stands in for a missing one; 0: none
	networks  []Network
	older     []generation
}

type generation struct {
	labels map[string]string
	d      *Definition
}

// tasks are the service's tasks as backends of one of its balancers.
func (g *generations) tasks(b *Balancer) []discovery.Task {
	tasks := make([]discovery.Task, 0, len(g.service.Tasks))
	for i := range g.service.Tasks {
		t := &g.service.Tasks[i]
		of := g.of(t, b)
		task := discovery.Task{
			ID: t.ID, Name: t.Name, Seat: discovery.Seat(t.NodeID), Slot: t.Slot, Node: t.Node, State: t.State,
			Weight: b.Weight, Probe: of.Probe, Checked: t.Checked, StopGrace: t.StopGrace,
			Stuck: t.Stuck, Withdrawn: t.Withdrawn,
		}
		if t.Slot > 0 {
			task.Seat = discovery.Seat(strconv.Itoa(t.Slot))
		}
		port := of.Port
		if port == 0 {
			port = g.published
		}
		if port == 0 {
			port = b.Port
		}
		if addr, ok := g.address(t); ok && port != 0 {
			task.Address = discovery.Address{Scheme: of.Scheme, HostPort: netip.AddrPortFrom(addr, uint16(port)).String()}
		}
		tasks = append(tasks, task)
	}
	return tasks
}

// of is the balancer as a task's own generation wrote it. Where that had another name and was the
// only one, it was renamed.
func (g *generations) of(t *Task, b *Balancer) *Balancer {
	if t.Labels == nil || maps.Equal(t.Labels, g.service.Labels) {
		return b
	}
	d := g.decode(t.Labels)
	if own := d.balancers[strings.ToLower(b.Name)]; own != nil {
		return own
	}
	if len(d.Balancers) == 1 && len(g.current.Balancers) <= 1 {
		return d.Balancers[0]
	}
	return b
}

func (g *generations) decode(labels map[string]string) *Definition {
	for _, old := range g.older {
		if maps.Equal(old.labels, labels) {
			return old.d
		}
	}
	d := Decode(settings(g.service.Name, labels))
	g.older = append(g.older, generation{labels, d})
	return d
}

// address is where a task is reached.
func (g *generations) address(t *Task) (netip.Addr, bool) {
	for _, n := range g.networks {
		if addr, ok := t.Addresses[n.ID]; ok && addr.IsValid() {
			return addr.Unmap(), true
		}
	}
	return netip.Addr{}, false
}
