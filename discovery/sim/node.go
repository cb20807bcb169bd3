package sim

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// node is guarded by the Swarm's lock.
type node struct {
	name, id string
	lost     bool  // its link is cut
	down     bool  // the managers have noticed
	gate     *gate // what the connections of its processes go through
}

// place chooses the node with the fewest tasks of the service that shall run, the first of
// equals; nil if no node is there. The caller holds the lock.
func (s *Swarm) place(v *service) *node {
	var best *node
	least := 0
	for _, n := range s.nodes {
		if n.lost || n.down {
			continue
		}
		load := 0
		for _, t := range v.tasks {
			if t.node == n && t.desired <= Running && !t.state.Ended() {
				load++
			}
		}
		if best == nil || load < least {
			best, least = n, load
		}
	}
	return best
}

// LoseNode cuts a node's link: connections to its tasks hang, dials to them time out, and the managers
// hear nothing more of it. After Timing.NodeDown they place its tasks elsewhere. On Linux the kernel
// acknowledges nothing that is sent to them meanwhile, as behind a cut cable; elsewhere it does.
func (s *Swarm) LoseNode(name string) error {
	n, err := s.node(name)
	if err != nil {
		return err
	}
	var deaf []*process
	s.change(func() {
		if n.lost {
			return
		}
		n.lost = true
		n.gate.close()
		deaf = s.processesOn(n)
		s.say(nil, "the link of %s is cut", name)
		s.spawn(func(ctx context.Context) error { return s.notice(ctx, n) })
	})
	var each sync.WaitGroup
	for _, p := range deaf {
		each.Go(p.deafen)
	}
	each.Wait()
	return nil
}

// notice is the managers' side of a lost node.
func (s *Swarm) notice(ctx context.Context, n *node) error {
	lost, cancel := context.WithTimeout(ctx, s.timing.NodeDown)
	defer cancel()
	if back := s.await(lost, func() bool { return !n.lost }); back == nil {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.change(func() {
		if !n.lost || n.down {
			return
		}
		n.down = true
		s.events++
		s.say(nil, "%s is down: its tasks get successors elsewhere", n.name)
		for _, v := range s.services {
			for _, t := range slices.Clone(v.tasks) {
				if t.node == n && t.desired <= Running && !t.state.Ended() {
					s.want(t, Shutdown)
					s.replace(t)
				}
			}
		}
	})
	return nil
}

// RestoreNode mends a node's link: what hung goes on, and tasks that were replaced meanwhile stop.
func (s *Swarm) RestoreNode(name string) error {
	n, err := s.node(name)
	if err != nil {
		return err
	}
	s.change(func() {
		if !n.lost {
			return
		}
		n.lost, n.down = false, false
		s.events++
		s.say(nil, "%s is back", name)
		for _, p := range s.processesOn(n) {
			p.hear()
		}
		n.gate.open()
	})
	return nil
}

// processesOn are those that have not ended. The caller holds the lock.
func (s *Swarm) processesOn(n *node) []*process {
	var ps []*process
	for _, v := range s.services {
		for _, t := range v.tasks {
			if t.node == n && t.process != nil && !t.process.ended() {
				ps = append(ps, t.process)
			}
		}
	}
	return ps
}

func (s *Swarm) node(name string) (*node, error) {
	for _, n := range s.nodes {
		if n.name == name {
			return n, nil
		}
	}
	return nil, fmt.Errorf("node %q: the simulated swarm has none of that name", name)
}
