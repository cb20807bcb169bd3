//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/fairlead-proxy/fairlead/e2e/cluster"
)

// A task as the engine tells of it.
type task struct {
	ID, NodeID   string
	DesiredState string
	Status       struct {
		State           string
		ContainerStatus struct{ ContainerID string }
	}
}

// container is the short id, which is the host name in the container.
func (k task) container() string {
	id := k.Status.ContainerStatus.ContainerID
	return id[:min(len(id), 12)]
}

// tasks are all that the cluster remembers of a service's. The API is asked, because the docker command costs more
// than an answer of the proxy.
func (r *rig) tasks(ctx context.Context, service string) ([]task, error) {
	asked := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", r.asked.Socket())
	}}}
	filters := url.QueryEscape(fmt.Sprintf(`{"service":[%q]}`, stack+"_"+service))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://engine/tasks?filters="+filters, nil)
	if err != nil {
		return nil, err
	}
	resp, err := asked.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var all []task
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("tasks of %s: %s", service, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		return nil, fmt.Errorf("tasks of %s: %w", service, err)
	}
	return all, nil
}

// running are the tasks of the row's app that should run and do, by container.
func (r *rig) running(ctx context.Context) (map[string]task, error) {
	all, err := r.tasks(ctx, r.service)
	running := map[string]task{}
	for _, k := range all {
		if k.DesiredState == "running" && k.Status.State == "running" {
			running[k.container()] = k
		}
	}
	return running, err
}

// quiet waits until so many tasks run, no other is coming or going, and the proxies of all nodes answer.
func (r *rig) quiet(ctx context.Context, replicas int) error {
	return eventually(ctx, fmt.Sprintf("%d tasks of %s run and all proxies answer", replicas, r.service), func() bool {
		all, err := r.tasks(ctx, r.service)
		running := 0
		for _, k := range all {
			wanted, runs := k.DesiredState == "running", k.Status.State == "running"
			if wanted != runs && (wanted || k.Status.State != "complete" && k.Status.State != "shutdown" && k.Status.State != "failed" &&
				k.Status.State != "rejected" && k.Status.State != "orphaned") {
				return false
			}
			if runs {
				running++
			}
		}
		return err == nil && running == replicas && r.answer(ctx)
	})
}

// scale sets how many replicas the app has, and waits for them.
func (r *rig) scale(ctx context.Context, replicas int) error {
	if r.service == global {
		return r.quiet(ctx, len(r.Nodes))
	}
	_, err := r.docker(ctx, "service", "scale", "--detach", fmt.Sprintf("%s_%s=%d", stack, r.service, replicas))
	if err != nil {
		return err
	}
	return r.quiet(ctx, replicas)
}

// spread replaces the tasks if all of several are on one node: Swarm leaves those where they are that an earlier event
// drove there, and needs a while to use a node again that was down.
func (r *rig) spread(ctx context.Context) error {
	for range 10 {
		running, err := r.running(ctx)
		if err != nil {
			return err
		}
		nodes := map[string]bool{}
		for _, k := range running {
			nodes[k.NodeID] = true
		}
		if len(running) == 1 || len(nodes) > 1 {
			return nil
		}
		if err := r.update(ctx, "--force"); err != nil {
			return err
		}
		if err := r.quiet(ctx, len(running)); err != nil {
			return err
		}
		wait(ctx, 2*time.Second)
	}
	return errors.New("all tasks stay on one node, however often they are replaced")
}

// update waits until an update of the app is over, one way or the other.
func (r *rig) update(ctx context.Context, flags ...string) error {
	return r.updateOf(ctx, r.service, flags...)
}

func (r *rig) updateOf(ctx context.Context, service string, flags ...string) error {
	_, err := r.docker(ctx, append(append([]string{"service", "update", "--quiet", "--detach=false"}, flags...), stack+"_"+service)...)
	return err
}

// nodeOf is where a task runs.
func (r *rig) nodeOf(ctx context.Context, k task) (*cluster.Node, error) {
	name, err := r.docker(ctx, "node", "inspect", "--format", "{{.Description.Hostname}}", k.NodeID)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(r.Nodes, func(n *cluster.Node) bool { return n.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("no node is called %q", name)
	}
	return r.Nodes[i], nil
}
