package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery/sim"
)

// Times of what happens by itself.
const (
	firstAfter = 5 * time.Second  // of load
	every      = 20 * time.Second // without a key
	nodeAway   = 30 * time.Second
)

// director makes things happen: what a key asks for, and one thing after another when none does.
type director struct {
	swarm   *sim.Swarm
	journal *journal

	mu       sync.Mutex
	acted    time.Time
	replicas int
	away     string // the node that is lost
	since    time.Time
}

// run acts by itself until ctx ends. It waits for the cluster to come to rest between two acts.
func (d *director) run(ctx context.Context) error {
	d.mu.Lock()
	d.acted = time.Now().Add(firstAfter - every)
	d.mu.Unlock()
	tick := time.NewTicker(time.Second / 2)
	defer tick.Stop()
	for acts := "uksnb"; ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		if d.due() && d.settled(ctx) {
			d.act(rune(acts[0]))
			acts = acts[1:] + acts[:1]
		}
		if away, since := d.lost(); away != "" && time.Since(since) > nodeAway {
			d.restore()
		}
	}
}

func (d *director) due() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Since(d.acted) >= every
}

// settled says that the cluster is at rest, with all its nodes.
func (d *director) settled(ctx context.Context) bool {
	if away, _ := d.lost(); away != "" {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	return d.swarm.Settled(ctx, serviceName) == nil
}

// next says when something happens by itself.
func (d *director) next() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch left := every - time.Since(d.acted); {
	case d.acted.IsZero():
		return "starting"
	case left > 0:
		return fmt.Sprintf("next in %.0f s", left.Seconds())
	}
	return "next when calm"
}

// lost is the node that is away, and since when.
func (d *director) lost() (string, time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.away, d.since
}

// wanted is the number of replicas.
func (d *director) wanted() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.replicas
}

// act does what a key stands for. It says whether the key stands for anything.
func (d *director) act(key rune) bool {
	do, known := map[rune]func() error{
		'u': func() error { return d.swarm.Update(serviceName) },
		'b': func() error { return d.swarm.UpdateBroken(serviceName) },
		'k': d.kill,
		's': d.scale,
		'n': d.node,
	}[key]
	if !known {
		return false
	}
	d.mu.Lock()
	d.acted = time.Now()
	d.mu.Unlock()
	if err := do(); err != nil {
		d.journal.add(time.Now(), err.Error())
	}
	return true
}

// anyone is a running replica, whichever.
func (d *director) anyone() (t sim.Task, found bool) {
	tasks := d.swarm.Tasks()
	tasks = slices.DeleteFunc(tasks, func(t sim.Task) bool { return t.State != sim.Running || t.Desired != sim.Running })
	if len(tasks) == 0 {
		return t, false
	}
	return tasks[rand.IntN(len(tasks))], true
}

// kill ends a replica.
func (d *director) kill() error {
	t, found := d.anyone()
	if !found {
		return nil
	}
	return d.swarm.Kill(t.ID)
}

// scale goes to half and back.
func (d *director) scale() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.replicas == replicas {
		d.replicas = replicas / 2
	} else {
		d.replicas = replicas
	}
	return d.swarm.Scale(serviceName, d.replicas)
}

// node loses a node that has a replica, or brings the lost one back.
func (d *director) node() error {
	if away, _ := d.lost(); away != "" {
		return d.restore()
	}
	t, found := d.anyone()
	if !found {
		return nil
	}
	d.mu.Lock()
	d.away, d.since = t.Node, time.Now()
	d.mu.Unlock()
	return d.swarm.LoseNode(t.Node)
}

func (d *director) restore() error {
	d.mu.Lock()
	away := d.away
	d.away = ""
	d.mu.Unlock()
	return d.swarm.RestoreNode(away)
}
