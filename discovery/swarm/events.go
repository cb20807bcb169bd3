package swarm

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// deafProblem is a value, not a state: the same for everyone.
var deafProblem = discovery.Problem{
	Subject: "engine",
	Wrong:   "it refuses GET /events, so changes are only seen at the next interval",
	Cure:    "let the socket proxy pass /events",
}

// quiet is how long a stream of events may say nothing before another is opened: nobody can tell a
// silent cluster from a connection that died without a word.
const quiet = time.Minute

var errQuiet = errors.New("no event for a while")

// listen follows the engine's events until ctx ends, and wakes Run at each. It has a client of its
// own for each stream, so that each negotiates the version.
func (s *Source) listen(ctx context.Context) {
	const shortest, longest = 200 * time.Millisecond, 10 * time.Second
	wait := shortest
	for ctx.Err() == nil {
		began := time.Now()
		err := s.follow(ctx)
		refused := errdefs.IsPermissionDenied(err)
		s.deaf.Store(refused)
		if !refused && !errors.Is(err, errQuiet) {
			s.stale.Store(true)
		}
		s.rouse()
		if time.Since(began) > longest {
			wait = shortest
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait/2 + rand.N(wait)):
		}
		wait = min(2*wait, longest)
	}
}

// follow reads one stream of events to its end.
//
// Swarm's own events tell of services, nodes and networks at once, but never of tasks; the events
// of this node's containers often are the first sign of a task's. exec_* would come with each
// health check, and are left out.
func (s *Source) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	e, err := connect(s.options)
	if err != nil {
		return err
	}
	defer e.close()
	messages, errs := e.api.Events(ctx, events.ListOptions{Filters: filters.NewArgs(
		filters.Arg("type", string(events.ServiceEventType)),
		filters.Arg("type", string(events.NodeEventType)),
		filters.Arg("type", string(events.NetworkEventType)),
		filters.Arg("type", string(events.ContainerEventType)),
		filters.Arg("event", string(events.ActionCreate)),
		filters.Arg("event", string(events.ActionUpdate)),
		filters.Arg("event", string(events.ActionRemove)),
		filters.Arg("event", string(events.ActionStart)),
		filters.Arg("event", string(events.ActionDie)),
		filters.Arg("event", string(events.ActionHealthStatusHealthy)),
		filters.Arg("event", string(events.ActionHealthStatusUnhealthy)),
	)})
	for {
		select {
		case <-time.After(quiet):
			return errQuiet
		case <-messages:
			s.deaf.Store(false)
			s.rouse()
		case err := <-errs:
			return err
		}
	}
}

// rouse never blocks: one waiting word is as good as ten.
func (s *Source) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
