package balancer

import "github.com/fairlead-proxy/fairlead/discovery"

// Identity is what makes two backends the same one: the task and where it answers. Load,
// health and drain belong to it and survive every change of anything else.
type Identity struct {
	Task    string // the engine's task id
	Address discovery.Address
}

func identify(t discovery.Task) Identity {
	return Identity{Task: t.ID, Address: t.Address}
}

// Link is a backend's connections, made by who sends requests over them.
type Link interface {
	// Drain closes what is idle now and keeps nothing from now on; what is in use goes on
	// to its end. It is called at least once before a link is forgotten, perhaps twice, and
	// must not block.
	Drain()
	// Abandon tells that nobody answers any more: the task has ended, or its node is down. Dials end
	// at once, and what is in use ends unless bytes keep coming. It is called at most once, after
	// Drain, and must not block.
	Abandon()
}
