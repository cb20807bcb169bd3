package diagnosis

import (
	"fmt"
	"net"
	"strings"
)

// causes are a sentence or two for each group of a service's backends that have the same thing.
func (ns nodes) causes(ill []patient) []string {
	var all []string
	for _, g := range grouped(ill) {
		all = append(all, ns.cause(g))
	}
	return all
}

func (ns nodes) cause(g *group) string {
	first := g.patients[0]
	switch g.complaint {
	case silent:
		return ns.silence(g)
	case refusing:
		return g.refusal()
	case failing:
		return fmt.Sprintf("%s %s the health check: %v.", g.names(), g.verb("fails", "fail"), first.Err)
	case withdrawn:
		return fmt.Sprintf("Swarm names the address of %s no longer (tasks.<service>): unhealthy, or its node is out of the others' reach.", g.names())
	case stuck:
		return fmt.Sprintf("%s cannot start: %s.", g.names(), strings.TrimSuffix(first.Task.Stuck, "."))
	case choked:
		return fmt.Sprintf("What is small passes between here and %s, what is large stops on the way: check the MTU of the network between the nodes "+
			"(VXLAN takes 50 bytes of it; the overlay's own is set by --opt com.docker.network.driver.mtu).", g.names())
	}
	return fmt.Sprintf("%s: %v.", g.names(), first.Err)
}

// ports are what nodes of a Swarm need from each other.
const ports = "UDP 4789 and TCP+UDP 7946"

// silence says where packets are lost: what else answers on the node, and on the others, tells.
func (ns nodes) silence(g *group) string {
	n := ns[g.node]
	if n.answer > 0 {
		return fmt.Sprintf("%s on %s %s out while others on that node answer: %s process may hang.",
			g.names(), g.node, g.verb("times", "time"), g.verb("its", "their"))
	}
	who := fmt.Sprintf("All %d on %s time out", len(g.patients), g.node)
	if len(g.patients) == 1 {
		who = fmt.Sprintf("%s on %s times out", g.names(), g.node)
	}
	var s string
	switch backends, answer := ns.others(g.node); {
	case answer:
		s = fmt.Sprintf("%s, other nodes answer: check %s between the nodes.", who, ports)
	case backends:
		s = fmt.Sprintf("%s, and no other node answers: check %s of this proxy's own node.", who, ports)
	default:
		s = fmt.Sprintf("%s, no other node has tasks to compare with: check %s to it.", who, ports)
	}
	if n.ready {
		s += fmt.Sprintf(" Swarm still calls %s ready.", g.node)
	}
	return s
}

// refusal asks for the usual mistake.
func (g *group) refusal() string {
	first := g.patients[0].Task
	_, port, _ := net.SplitHostPort(first.Address.HostPort) // it was dialled
	s := fmt.Sprintf("%s %s connections on port %s", g.names(), g.verb("refuses", "refuse"), port)
	if first.Checked {
		return s + ", though healthy to Swarm: is loadbalancer.server.port right?"
	}
	return s + ": does the app listen there, and not on 127.0.0.1 alone? Is loadbalancer.server.port right?"
}
