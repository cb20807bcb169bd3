//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func bridge(number int) string { return fmt.Sprintf("fairlead%d", number) }

// makeBridge makes what all cables of a cluster lead to.
func makeBridge(ctx context.Context, number int) error {
	name := bridge(number)
	for _, args := range [][]string{
		{"ip", "link", "add", name, "type", "bridge"},
		{"ip", "address", "add", fmt.Sprintf("198.18.%d.1/24", number), "dev", name},
		{"ip", "link", "set", name, "up"},
		append([]string{"iptables", "--wait", "--insert"}, passage(name)...),
	} {
		if _, err := run(ctx, args[0], args[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// passage is the rule that lets the bridge's own traffic pass: Docker closes FORWARD, for bridges as well.
func passage(bridge string) []string {
	return []string{"FORWARD", "--in-interface", bridge, "--out-interface", bridge, "--jump", "ACCEPT"}
}

// sweep takes away processes, network and files of a cluster, as far as there are any.
func sweep(ctx context.Context, number int) error {
	list, err := run(ctx, "ip", "netns", "list")
	if err != nil {
		return err
	}
	for line := range strings.Lines(list) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasPrefix(name, bridge(number)+"-") {
			err = errors.Join(err, endNamespace(ctx, name))
		}
	}
	if err != nil {
		return err // its files are in use
	}
	name := bridge(number)
	if err := deleteLink(ctx, name); err != nil {
		return err
	}
	for range 10 { // one rule at most, unless somebody added more
		if _, err := run(ctx, "iptables", append([]string{"--wait", "--check"}, passage(name)...)...); err != nil {
			break
		}
		if _, err := run(ctx, "iptables", append([]string{"--wait", "--delete"}, passage(name)...)...); err != nil {
			return err
		}
	}
	return errors.Join(removeControlGroups(name), os.RemoveAll(home(number)))
}

// endNamespace kills all processes of a node, waits until they are gone, and takes its network away, with the cable of the same name.
func endNamespace(ctx context.Context, name string) error {
	for {
		pids, err := pidsOf(ctx, name)
		if err != nil {
			return err
		}
		if len(pids) == 0 {
			break
		}
		for _, pid := range pids {
			// One of them is the first in its process namespace: with it the kernel ends all containers.
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("process %d of %s: %w", pid, name, err)
			}
		}
		if err := rest(ctx); err != nil {
			return fmt.Errorf("processes of %s do not end: %w", name, err)
		}
	}
	if err := deleteLink(ctx, name); err != nil { // else the kernel does it, some time later
		return err
	}
	_, err := run(ctx, "ip", "netns", "delete", name)
	return err
}

func deleteLink(ctx context.Context, name string) error {
	if _, err := os.Stat("/sys/class/net/" + name); err != nil {
		return nil
	}
	_, err := run(ctx, "ip", "link", "delete", name)
	return err
}

// pidsOf are the processes in a network namespace: a node's first process and its engine, but no containers.
func pidsOf(ctx context.Context, namespace string) ([]int, error) {
	out, err := run(ctx, "ip", "netns", "pids", namespace)
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, field := range strings.Fields(out) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			return nil, fmt.Errorf("ip netns pids %s: %w", namespace, err)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// removeControlGroups removes the groups of containers that were killed with their node.
func removeControlGroups(name string) error {
	parents, err := filepath.Glob("/sys/fs/cgroup/*/" + name)
	if err != nil {
		return err
	}
	for _, parent := range append(parents, "/sys/fs/cgroup/"+name) {
		var groups []string
		err := filepath.WalkDir(parent, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				groups = append(groups, path)
			}
			return nil
		})
		for i := len(groups) - 1; err == nil && i >= 0; i-- { // the inner ones first
			if err = os.Remove(groups[i]); errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// rest pauses between two looks at something that is about to happen.
func rest(ctx context.Context) error {
	select {
	case <-time.After(50 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
