//go:build linux

package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/fairlead-proxy/fairlead/e2e/cluster"
)

// watch asks the proxies of all nodes, each by itself and by a connection of its own, until stop, which tells the
// longest time in which a node gave no answer, where that was more than a moment.
func (r *rig) watch(ctx context.Context) (stop func() []string) {
	ctx, cancel := context.WithCancel(ctx)
	gaps := make([]time.Duration, len(r.Nodes))
	var all sync.WaitGroup
	for i, n := range r.Nodes {
		all.Go(func() { gaps[i] = gap(ctx, n) })
	}
	return func() (notes []string) {
		cancel()
		all.Wait()
		for i, n := range r.Nodes {
			if gaps[i] > 500*time.Millisecond {
				notes = append(notes, fmt.Sprintf("%s gave no answer for %.1f s", n.Name, gaps[i].Seconds()))
			}
		}
		return notes
	}
}

// gap is the longest time without an answer of the node, from one answer to the next.
func gap(ctx context.Context, n *cluster.Node) (longest time.Duration) {
	last := time.Now()
	for ctx.Err() == nil {
		if answers(ctx, n) {
			longest, last = max(longest, time.Since(last)), time.Now()
		}
		wait(ctx, 20*time.Millisecond)
	}
	return max(longest, time.Since(last))
}
