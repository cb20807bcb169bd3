// Package labels reads what operators write: Traefik's grammar, as labels of Swarm services or as
// the keys of a file, to routers and services. One table of keys (Keys) serves both, and also says
// which key was meant where an unknown one was written.
//
// Nothing here fails. What cannot work becomes a Problem and costs the label that holds it, nothing
// beside it: the rest is read as if that label were not there.
package labels

import (
	"net/netip"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// Cluster is what the labels of a whole cluster are read from: plain values, in any order.
type Cluster struct {
	// ID of the Swarm.
	ID       string
	Services []Service
	Nodes    []discovery.Node
	// Leaving says that the task of this very process has been told to stop.
	Leaving bool
}

// Service is a Swarm service.
type Service struct {
	ID, Name string
	// Created decides who keeps a name that two services claim: the older one.
	Created time.Time
	// Labels as of now.
	Labels map[string]string
	// Ports are the published target ports (TCP).
	Ports []int
	// Networks it is attached to, without ingress.
	Networks []Network
	// Checked says that it has a HEALTHCHECK.
	Checked bool
	// Awaited says that the cluster is about to bring up a task that is not among Tasks yet.
	Awaited bool
	Tasks   []Task
}

// Network is an overlay network.
type Network struct{ ID, Name string }

// Task is one run of one replica.
type Task struct {
	ID, Name string
	// Slot of a replicated service, from 1; 0 for a global one.
	Slot int
	// NodeID and Node are the node's id and its name.
	NodeID, Node string
	State        discovery.State
	// Addresses of the task by the id of the network; none until it has one.
	Addresses map[string]netip.Addr
	// Labels of the task's generation: its port, scheme and probe are read from these, because a
	// service's labels change at once and its tasks follow over minutes. nil: the service's own.
	Labels    map[string]string
	Checked   bool
	StopGrace time.Duration
	// Stuck and Withdrawn are as in discovery.Task.
	Stuck     string
	Withdrawn bool
}

// Options are the defaults that operators set for all services.
type Options struct {
	// ExposedByDefault is whether a service without `enable` is routed. nil is not set: those that
	// have labels of ours are, as in Traefik, and those without any are not.
	ExposedByDefault *bool
	// Network is the name of the network to use where no label names one.
	Network string
	// DefaultRule is a Go template for routers without a rule; "" is Traefik's own default.
	DefaultRule string
	// Shared are the networks that the proxy itself is attached to; nil: not known (it runs outside
	// of a container), so any network will do.
	Shared []Network
}
