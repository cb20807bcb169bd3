//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/fairlead-proxy/fairlead/e2e/cluster"
)

// startFirst updates in that order, whatever the last update's was: where all old tasks leave before any new one is there,
// a session may be given the last old one in between.
func startFirst(ctx context.Context, r *rig) error {
	return r.update(ctx, "--force", "--update-order", "start-first")
}

// oneBehind updates while the engine that the second proxy asks hangs a second at a time.
func oneBehind(ctx context.Context, r *rig) error {
	n := r.Nodes[1]
	updated := make(chan error, 1)
	go func() { updated <- startFirst(ctx, r) }()
	for {
		if err := n.PauseDaemon(ctx); err != nil {
			return errors.Join(err, <-updated)
		}
		wait(ctx, time.Second)
		if err := n.ResumeDaemon(ctx); err != nil {
			return errors.Join(err, <-updated)
		}
		select {
		case err := <-updated:
			return err
		case <-time.After(300 * time.Millisecond):
		}
	}
}

func movePort(ctx context.Context, r *rig) error {
	for _, port := range []string{"9000", "8000"} {
		err := r.update(ctx, "--env-add", "PORT="+port,
			"--label-add", "traefik.http.services."+r.service+".loadbalancer.server.port="+port)
		if err != nil {
			return err
		}
	}
	return nil
}

func brokenUpdate(ctx context.Context, r *rig) error {
	err := r.update(ctx, "--health-cmd", "/app healthcheck") // the image has no shell to run it
	state, e := r.docker(ctx, "service", "inspect", "--format", "{{.UpdateStatus.State}}", stack+"_"+r.service)
	if e == nil && state == "rollback_completed" {
		return nil
	}
	return errors.Join(err, e, fmt.Errorf("the update is %q, want a completed rollback", state))
}

func scaled(steps ...int) func(context.Context, *rig) error {
	return func(ctx context.Context, r *rig) error {
		for _, n := range steps {
			if err := r.scale(ctx, n); err != nil {
				return err
			}
			wait(ctx, 4*time.Second) // until those that are to go have gone
		}
		return nil
	}
}

func remade(ctx context.Context, r *rig) error {
	if _, err := r.docker(ctx, "service", "rm", stack+"_"+r.service); err != nil {
		return err
	}
	wait(ctx, 6*time.Second)
	if err := r.stackDeploy(ctx); err != nil {
		return err
	}
	return r.scale(ctx, 3)
}

// toOne does something to one container: docker COMMAND CONTAINER REST.
func toOne(command string, rest ...string) func(context.Context, *rig) error {
	return func(ctx context.Context, r *rig) error {
		running, err := r.running(ctx)
		if err != nil {
			return err
		}
		victim := slices.Sorted(maps.Keys(running))[0]
		n, err := r.nodeOf(ctx, running[victim])
		if err != nil {
			return err
		}
		args := append([]string{command, victim}, rest...)
		if command == "kill" {
			args = append(append([]string{command}, rest...), victim)
		}
		if _, err := n.Docker(ctx, args...); err != nil {
			return err
		}
		return eventually(ctx, "Swarm replaces it", func() bool {
			running, err := r.running(ctx)
			_, still := running[victim]
			return err == nil && !still
		})
	}
}

// A fault is a method of a node that begins one, or ends it.
type fault func(*cluster.Node, context.Context) error

// onNode does something to a node that runs the app, lets it last, and ends it. It is never the first node: the proxy
// with the load is there.
func onNode(begin fault, lasts time.Duration, end fault) func(context.Context, *rig) error {
	return func(ctx context.Context, r *rig) error {
		running, err := r.running(ctx)
		if err != nil {
			return err
		}
		n, err := r.nodeOf(ctx, running[slices.Sorted(maps.Keys(running))[0]])
		if err != nil {
			return err
		}
		if err := begin(n, ctx); err != nil {
			return err
		}
		wait(ctx, lasts)
		return end(n, ctx)
	}
}

func drained(ctx context.Context, r *rig) error {
	return onNode(func(n *cluster.Node, ctx context.Context) error { return r.Drain(ctx, n) }, 8*time.Second,
		func(n *cluster.Node, ctx context.Context) error { return r.Activate(ctx, n) })(ctx, r)
}

// edgeDrained moves all off the node whose proxy has the load, its proxy and door included.
func edgeDrained(ctx context.Context, r *rig) error {
	if err := r.Drain(ctx, r.Nodes[0]); err != nil {
		return err
	}
	wait(ctx, 12*time.Second)
	return r.Activate(ctx, r.Nodes[0])
}

func managerRestarted(ctx context.Context, r *rig) error { return r.Nodes[1].RestartDaemon(ctx) }

// leaderLost takes the power from the leader, which is made one that the proxy with the load does not ask.
func leaderLost(ctx context.Context, r *rig) error {
	n, err := r.Leader(ctx)
	if err != nil {
		return err
	}
	for tries := 0; n == r.Nodes[0]; tries++ {
		if tries == 3 {
			return errors.New("the first node goes on leading")
		}
		if err := leaderHangs(ctx, r); err != nil {
			return err
		}
		if n, err = r.Leader(ctx); err != nil {
			return err
		}
	}
	if err := n.Kill(ctx); err != nil {
		return err
	}
	wait(ctx, 25*time.Second)
	return n.Start(ctx)
}

func proxyKilled(ctx context.Context, r *rig) error { return r.killProxy(ctx, r.Nodes[0]) }

// stayed updates, and kills a proxy while the old tasks, which do not mind their stop signal, finish their sessions.
func stayed(ctx context.Context, r *rig) error {
	if err := startFirst(ctx, r); err != nil {
		return err
	}
	wait(ctx, time.Second) // until all proxies know
	r.staying.from = time.Now()
	if err := r.killProxy(ctx, r.Nodes[1]); err != nil {
		return err
	}
	wait(ctx, 5*time.Second)
	r.staying.to = time.Now()
	return nil
}

// killProxy kills a node's proxy, and waits for the next one.
func (r *rig) killProxy(ctx context.Context, n *cluster.Node) error {
	id, err := n.Docker(ctx, "ps", "--quiet", "--filter", "label=com.docker.swarm.service.name="+stack+"_proxy")
	if err != nil {
		return err
	}
	r.killed.from = time.Now()
	if _, err = n.Docker(ctx, "kill", id); err != nil {
		return err
	}
	r.killed.to = time.Now()
	return eventually(ctx, "there is another proxy", func() bool {
		next, err := n.Docker(ctx, "ps", "--quiet", "--filter", "label=com.docker.swarm.service.name="+stack+"_proxy", "--filter", "health=healthy")
		return err == nil && next != "" && next != id
	})
}

// allRestarted restarts the engines as an upgrade does, and waits each time until all is well.
func allRestarted(ctx context.Context, r *rig) error {
	for i := len(r.Nodes) - 1; i >= 0; i-- {
		if err := r.Nodes[i].RestartDaemon(ctx); err != nil {
			return err
		}
		if err := r.quiet(ctx, 3); err != nil {
			return err
		}
	}
	return nil
}

// leaderHangs: the engine that the proxy asks says nothing for a while; if it led, another takes the lead.
func leaderHangs(ctx context.Context, r *rig) error {
	n := r.Nodes[0]
	if err := n.PauseDaemon(ctx); err != nil {
		return err
	}
	wait(ctx, 15*time.Second)
	if err := n.ResumeDaemon(ctx); err != nil {
		return err
	}
	return eventually(ctx, "there is a leader", func() bool { _, err := r.Leader(ctx); return err == nil })
}

func quorumLost(ctx context.Context, r *rig) error {
	if err := r.LoseQuorum(ctx); err != nil {
		return err
	}
	wait(ctx, 15*time.Second)
	return r.FindQuorum(ctx)
}
