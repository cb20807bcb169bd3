//go:build linux

package cluster

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// A Node of a cluster.
type Node struct {
	// Name is its host name, which Swarm knows it by: node-1, node-2 and so on.
	Name string
	// Address is reachable from this machine and from the other nodes. Ports that services publish in
	// mode host are there.
	Address string

	manager   bool
	namespace string // of its network
	cable     string // the bridge's end
	parent    string // control group of its containers
	dir       string
}

func newNode(number, i int, manager bool) *Node {
	name := fmt.Sprintf("node-%d", i)
	return &Node{
		Name:      name,
		Address:   fmt.Sprintf("198.18.%d.%d", number, 10+i),
		namespace: fmt.Sprintf("%s-%d", bridge(number), i),
		cable:     fmt.Sprintf("%s-%d", bridge(number), i),
		parent:    bridge(number),
		manager:   manager,
		dir:       filepath.Join(home(number), name),
	}
}

// Docker runs the docker command with this node's engine and returns what it prints.
func (n *Node) Docker(ctx context.Context, args ...string) (string, error) {
	return run(ctx, "docker", append([]string{"--host", "unix://" + n.Socket()}, args...)...)
}

// Socket is where its engine listens.
func (n *Node) Socket() string { return filepath.Join(n.dir, "docker.sock") }

// Log is the file that its engine logs to.
func (n *Node) Log() string { return filepath.Join(n.dir, "engine.log") }

// Start switches the node on: one that is new, or one that was killed and remembers its Swarm.
func (n *Node) Start(ctx context.Context) error {
	if err := os.MkdirAll(n.dir, 0o755); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"netns", "add", n.namespace},
		{"link", "add", n.cable, "type", "veth", "peer", "name", "eth0", "netns", n.namespace},
		{"link", "set", n.cable, "master", n.parent, "up"},
		{"-netns", n.namespace, "address", "add", n.Address + "/24", "dev", "eth0"},
		{"-netns", n.namespace, "link", "set", "lo", "up"},
		{"-netns", n.namespace, "link", "set", "eth0", "up"},
	} {
		if _, err := run(ctx, "ip", args...); err != nil {
			return err
		}
	}
	if err := n.boot(ctx); err != nil {
		return fmt.Errorf("%s: %w", n.Name, err)
	}
	return n.StartDaemon(ctx)
}

// boot.sh is the node's first process. It says so when the node is ready for its engine.
//
//go:embed boot.sh
var bootScript string

func (n *Node) boot(ctx context.Context) error {
	said, say, err := os.Pipe()
	if err != nil {
		return err
	}
	defer said.Close()
	err = n.detached(ctx, say, "nsenter", "--net=/run/netns/"+n.namespace,
		"unshare", "--mount", "--propagation", "private", "--uts", "--pid", "--fork", "--mount-proc",
		"sh", "-euc", bootScript, "boot", n.Name, n.dir)
	if err := errors.Join(err, say.Close()); err != nil {
		return err
	}
	if _, err := bufio.NewReader(said).ReadString('\n'); err != nil {
		return fmt.Errorf("its first process has ended: %w; see %s", err, n.Log())
	}
	return nil
}

// StartDaemon starts the node's engine and waits until it answers.
func (n *Node) StartDaemon(ctx context.Context) error {
	first, err := n.first(ctx)
	if err != nil {
		return err
	}
	config := filepath.Join(n.dir, "daemon.json") // not the machine's
	if err := os.WriteFile(config, []byte("{}\n"), 0o644); err != nil {
		return err
	}
	// Its parent is the first process, once nsenter has gone: that one would stop with an engine that is paused.
	err = n.detached(ctx, nil, "nsenter", fmt.Sprintf("--target=%d", first), "--mount", "--uts", "--net", "--pid",
		"setsid", "--fork", "dockerd", "--config-file", config, "--data-root", filepath.Join(n.dir, "data"),
		"--host", "unix://"+n.Socket(), "--host", "unix:///run/docker.sock",
		"--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", "/"+n.parent, "--userland-proxy=false")
	if err != nil {
		return err
	}
	for {
		_, err := n.Docker(ctx, "version")
		if err == nil {
			return nil
		}
		if e := rest(ctx); e != nil {
			return fmt.Errorf("the engine of %s does not answer: %w; see %s", n.Name, errors.Join(e, err), n.Log())
		}
	}
}

// detached starts a program that outlives this process and its terminal.
func (n *Node) detached(ctx context.Context, stdout *os.File, args ...string) error {
	log, err := os.OpenFile(n.Log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	c := exec.CommandContext(ctx, "setsid", append([]string{"--fork"}, args...)...)
	c.Dir, c.Stderr, c.Stdout = "/", log, log
	if stdout != nil {
		c.Stdout = stdout
	}
	return c.Run()
}

// first is the node's first process: in its own process namespace it has the number 1.
func (n *Node) first(ctx context.Context) (int, error) {
	return n.find(ctx, "boot process", func(pid int) bool {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return false
		}
		_, after, _ := strings.Cut(string(status), "\nNSpid:")
		numbers, _, _ := strings.Cut(after, "\n")
		fields := strings.Fields(numbers)
		return len(fields) == 2 && fields[1] == "1"
	})
}

// daemon is the node's engine.
func (n *Node) daemon(ctx context.Context) (int, error) {
	return n.find(ctx, "engine", func(pid int) bool {
		comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		return err == nil && string(comm) == "dockerd\n"
	})
}

func (n *Node) find(ctx context.Context, what string, is func(pid int) bool) (int, error) {
	pids, err := pidsOf(ctx, n.namespace)
	if err != nil {
		return 0, err
	}
	if i := slices.IndexFunc(pids, is); i >= 0 {
		return pids[i], nil
	}
	return 0, fmt.Errorf("%s has no %s", n.Name, what)
}

// signal sends a signal to the node's engine, and waits for its end if there is to be one.
func (n *Node) signal(ctx context.Context, s syscall.Signal, ends bool) error {
	pid, err := n.daemon(ctx)
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, s); err != nil {
		return fmt.Errorf("%s: the engine: %w", n.Name, err)
	}
	for ends && syscall.Kill(pid, 0) == nil {
		if err := rest(ctx); err != nil {
			return fmt.Errorf("%s: the engine does not end: %w", n.Name, err)
		}
	}
	return nil
}
