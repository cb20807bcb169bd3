// Package discovery is the leaf that all rooms of Fairlead share: plain values that
// describe a cluster at one moment, and the Source that they come from. It imports
// nothing of ours, so whoever speaks of a seat or a problem means the same thing.
//
// Values are built once and never written again after they were handed to apply.
package discovery

import (
	"context"
	"time"
)

// A Source reports what a cluster looks like. Run calls apply with a whole Snapshot
// each time it differs from the last one, from one goroutine, and returns when ctx ends
// (with nil) or when it can never work (with an error that names the cure). A source
// that loses its cluster for a while keeps silent and tries again: an error is never a
// snapshot.
type Source interface {
	Run(ctx context.Context, apply func(Snapshot)) error
}

// A Snapshot is what a source saw of the cluster at one moment.
type Snapshot struct {
	// Cluster is the id of the Swarm, or "" where there is none. All proxies of a
	// cluster see the same one.
	Cluster string
	// Routers are sorted by name; names are unique.
	Routers []Router
	// Services are sorted by name; names are unique.
	Services []Service
	// Nodes of the cluster, sorted by name.
	Nodes []Node
	// Problems are what the source found wrong with what operators wrote.
	Problems []Problem
	// Ended are the ids, sorted, of those tasks of the snapshot before that the cluster has no longer:
	// their process has ended, or their node is down. A task that is missing for another reason, because
	// labels took its service off the routes for example, still answers.
	Ended []string
	// Leaving says that the task this very process runs in has been told to stop.
	Leaving bool
}

// A Node is a machine of the cluster.
type Node struct {
	Name string
	Down bool // the cluster says so
}

// Status tells how fresh a source's knowledge is. It is asked for by readiness,
// metrics and the log, never by the data path.
type Status struct {
	// Seen is when the cluster last answered in full, whether or not it had changed.
	// The zero time: never yet.
	Seen time.Time
	// Err is why the source cannot see the cluster now; nil while it can.
	Err error
	// Since is when Err began.
	Since time.Time
}
