//go:build linux

// Package cluster is a Swarm of several nodes on one machine, with faults to order: cut cables, dead nodes, hung
// engines, a lost quorum.
//
// A node is a network namespace with a cable (a veth pair) to a bridge, and a process namespace in which an
// engine of its own runs, with its containers. The machine's own engine is only asked for images. All has names that
// follow from the cluster's number, so whatever a crash left is found and taken away by Down.
//
// Cluster N has the bridge fairleadN and the network 198.18.N.0/24, of the range that RFC 2544 sets aside for
// tests of network devices: nobody routes it, and neither Docker nor Swarm takes networks from it. Node 1 is .11,
// node 2 is .12 and so on, reachable from this machine, which is .1.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Options of a cluster.
type Options struct {
	// Number tells clusters on one machine apart, from 0 to 99.
	Number int
	// Nodes in all, and Managers among them: the first ones.
	Nodes, Managers int
	// Images of the machine's engine that each node is given.
	Images []string
}

// A Cluster is one that is up.
type Cluster struct {
	Nodes  []*Node
	number int
	lock   *os.File
}

// Missing says what this machine lacks to have a cluster; nil: nothing.
func Missing() error {
	if os.Geteuid() != 0 {
		return errors.New("a cluster needs root, for namespaces, bridges and engines")
	}
	for program, pack := range map[string]string{
		"ip": "iproute2", "iptables": "iptables", "nsenter": "util-linux", "dockerd": "docker.io", "docker": "docker.io",
	} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("a cluster needs %s: apt-get install %s", program, pack)
		}
	}
	return nil
}

// Up makes a cluster, after taking away what a crash may have left of one of the same number. While this process
// has it, no other can: it waits for its turn as long as ctx lasts. Down ends it.
func Up(ctx context.Context, o Options) (*Cluster, error) {
	if err := Missing(); err != nil {
		return nil, err
	}
	if o.Number < 0 || o.Number > 99 || o.Nodes < 1 || o.Nodes > 9 || o.Managers < 1 || o.Managers > o.Nodes {
		return nil, fmt.Errorf("a cluster has a number from 0 to 99, 1 to 9 nodes and 1 manager at least: %+v", o)
	}
	lock, err := take(ctx, o.Number)
	if err != nil {
		return nil, err
	}
	if err := sweep(ctx, o.Number); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	c := &Cluster{number: o.Number, lock: lock}
	for i := range o.Nodes {
		c.Nodes = append(c.Nodes, newNode(o.Number, i+1, i < o.Managers))
	}
	if err := c.build(ctx, o); err != nil {
		return nil, errors.Join(err, c.Down(context.WithoutCancel(ctx)))
	}
	return c, nil
}

// Down takes the cluster away.
func (c *Cluster) Down(ctx context.Context) error {
	return errors.Join(sweep(ctx, c.number), c.lock.Close())
}

// Sweep takes away whatever there is of a cluster, also one of a process that crashed.
func Sweep(ctx context.Context, number int) error {
	lock, err := take(ctx, number)
	if err != nil {
		return err
	}
	return errors.Join(sweep(ctx, number), lock.Close())
}

func (c *Cluster) build(ctx context.Context, o Options) error {
	if err := makeBridge(ctx, o.Number); err != nil {
		return err
	}
	for _, n := range c.Nodes {
		if err := n.Start(ctx); err != nil {
			return err
		}
	}
	if err := c.join(ctx); err != nil {
		return err
	}
	return c.give(ctx, o.Images)
}

// join makes one Swarm of the nodes.
func (c *Cluster) join(ctx context.Context) error {
	first := c.Nodes[0]
	if _, err := first.Docker(ctx, "swarm", "init", "--advertise-addr", first.Address); err != nil {
		return err
	}
	for _, n := range c.Nodes[1:] {
		role := "worker"
		if n.manager {
			role = "manager"
		}
		token, err := first.Docker(ctx, "swarm", "join-token", "--quiet", role)
		if err != nil {
			return err
		}
		if _, err := n.Docker(ctx, "swarm", "join", "--advertise-addr", n.Address, "--token", token, first.Address+":2377"); err != nil {
			return err
		}
	}
	return nil
}

// give hands images of the machine's engine to all nodes.
func (c *Cluster) give(ctx context.Context, images []string) error {
	if len(images) == 0 {
		return nil
	}
	archive := filepath.Join(home(c.number), "images.tar")
	if _, err := run(ctx, "docker", append([]string{"save", "--output", archive}, images...)...); err != nil {
		return err
	}
	for _, n := range c.Nodes {
		if _, err := n.Docker(ctx, "load", "--quiet", "--input", archive); err != nil {
			return err
		}
	}
	return os.Remove(archive)
}

// home is the directory of all that a cluster keeps in files.
func home(number int) string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("fairlead-cluster-%d", number))
}

// take waits until no other process has the cluster.
func take(ctx context.Context, number int) (*os.File, error) {
	f, err := os.OpenFile(home(number)+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("cluster %d is another process's: %w", number, err), f.Close())
		}
	}
}

// run runs a program of the machine and returns what it prints, trimmed.
func run(ctx context.Context, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, name, args...)
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(stderr.String()+string(out)))
	}
	return strings.TrimSpace(string(out)), nil
}
