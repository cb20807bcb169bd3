package discovery

import "time"

// A Task is one run of one replica, as a service's pool needs to know it.
type Task struct {
	// ID is the engine's task id.
	ID string
	// Name as operators know it: "shop_web.3".
	Name string
	// Seat is what its successor inherits.
	Seat Seat
	// Slot of a replicated service, from 1; 0 for a global one.
	Slot int
	// Node is the name of the node it runs on.
	Node string
	// State is what the cluster wants and says of it.
	State State
	// Address is where it answers. Known from the moment it has one, which may be before it runs;
	// empty until then.
	Address Address
	// Weight of its share of requests; 1 by default, 0 for none.
	Weight int
	// Probe is the active health check of the task's generation; nil if there is none.
	Probe *Probe
	// Checked says that the cluster itself checks its health (HEALTHCHECK), so that Running
	// means healthy. Otherwise it only means that the process was started.
	Checked bool
	// Stuck says why a Starting task is not expected to run soon: nothing can be placed, or its seat
	// has failed again and again. "" while there is hope. Nobody waits for a stuck task.
	Stuck string
	// Withdrawn says that the cluster wants the task but no longer names its address
	// (tasks.<service>): it is unhealthy and about to be stopped, or its node cannot be heard. It
	// may come back.
	Withdrawn bool
	// StopGrace is how long the task may take to stop before it is killed (stop_grace_period).
	StopGrace time.Duration
}

// Seat is what a task's successor inherits: the slot of a replicated service, the node of a
// global one. It is unique within a service, also within one that joins several Swarm services.
type Seat string

// Address is where a backend answers. It belongs to the task's generation: a task keeps the one
// that it was first seen with, whatever the labels say later.
type Address struct {
	Scheme   string // "http", "https" or "h2c"
	HostPort string // "10.0.1.5:8000"; IPv6 in brackets
}

// State is the part of a task's life that matters to a proxy.
type State int

// The states, in the order in which a task goes through them.
const (
	Starting State = iota // wanted, not running yet
	Running               // wanted and running; if Checked, healthy
	Leaving               // no longer wanted, process not yet known to have ended
)

func (s State) String() string {
	switch s {
	case Starting:
		return "starting"
	case Running:
		return "running"
	case Leaving:
		return "leaving"
	}
	return "unknown"
}
