//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
)

// CutCable takes the node off the network: not a packet goes in or out, and nobody is told.
func (n *Node) CutCable(ctx context.Context) error {
	_, err := run(ctx, "ip", "link", "set", n.cable, "down")
	return err
}

// Mend puts the cable back.
func (n *Node) Mend(ctx context.Context) error {
	_, err := run(ctx, "ip", "link", "set", n.cable, "up")
	return err
}

// Kill is a power failure: the cable is dead first, so no connection is closed, then engine and containers. Start
// switches the node on again.
func (n *Node) Kill(ctx context.Context) error {
	if err := n.CutCable(ctx); err != nil {
		return err
	}
	return endNamespace(ctx, n.namespace)
}

// KillDaemon kills the engine alone; its containers go on until StartDaemon, and are ended then.
func (n *Node) KillDaemon(ctx context.Context) error { return n.signal(ctx, syscall.SIGKILL, true) }

// RestartDaemon stops the engine in order, which stops its containers, and starts it again.
func (n *Node) RestartDaemon(ctx context.Context) error {
	if err := n.signal(ctx, syscall.SIGTERM, true); err != nil {
		return err
	}
	return n.StartDaemon(ctx)
}

// PauseDaemon lets the engine hang until ResumeDaemon: its socket takes connections and never answers. Its containers go on.
func (n *Node) PauseDaemon(ctx context.Context) error { return n.signal(ctx, syscall.SIGSTOP, false) }

// ResumeDaemon ends what PauseDaemon began.
func (n *Node) ResumeDaemon(ctx context.Context) error { return n.signal(ctx, syscall.SIGCONT, false) }

// Drain has Swarm move all tasks off a node.
func (c *Cluster) Drain(ctx context.Context, n *Node) error { return c.availability(ctx, n, "drain") }

// Activate lets a node have tasks again.
func (c *Cluster) Activate(ctx context.Context, n *Node) error {
	return c.availability(ctx, n, "active")
}

func (c *Cluster) availability(ctx context.Context, n *Node, a string) error {
	_, err := c.Nodes[0].Docker(ctx, "node", "update", "--availability", a, n.Name)
	return err
}

// LoseQuorum lets the engines of all managers but the first hang: what runs goes on, nothing can be
// decided any more. It needs three managers. FindQuorum ends it.
func (c *Cluster) LoseQuorum(ctx context.Context) error {
	return c.others(ctx, func(n *Node) error { return n.PauseDaemon(ctx) })
}

// FindQuorum ends what LoseQuorum began, and waits until a leader is elected.
func (c *Cluster) FindQuorum(ctx context.Context) error {
	if err := c.others(ctx, func(n *Node) error { return n.ResumeDaemon(ctx) }); err != nil {
		return err
	}
	for {
		_, err := c.Leader(ctx)
		if err == nil {
			return nil
		}
		if e := rest(ctx); e != nil {
			return errors.Join(e, err)
		}
	}
}

// others does something to all managers but the first.
func (c *Cluster) others(ctx context.Context, do func(*Node) error) error {
	for _, n := range c.Nodes[1:] {
		if n.manager {
			if err := do(n); err != nil {
				return err
			}
		}
	}
	return nil
}

// Leader is the manager that the others follow, as the first node knows.
func (c *Cluster) Leader(ctx context.Context) (*Node, error) {
	out, err := c.Nodes[0].Docker(ctx, "node", "ls", "--format", "{{.Hostname}} {{.ManagerStatus}}")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(out) {
		name, status, _ := strings.Cut(strings.TrimSpace(line), " ")
		if i := slices.IndexFunc(c.Nodes, func(n *Node) bool { return n.Name == name }); i >= 0 && status == "Leader" {
			return c.Nodes[i], nil
		}
	}
	return nil, fmt.Errorf("no leader: %s", out)
}
