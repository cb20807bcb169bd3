// Package swarm takes snapshots of a Docker Swarm from the API of one of its managers.
//
// The truth is always a listing of the whole cluster; an event only says "look again".
// One listing is at most four calls, whatever the cluster's size. Between the engine's answer
// and labels.Convert stand the parts that remember: which labels a task was born under
// (generations), which tasks have left the list but not yet ended (departures), and which of
// the tasks is this very process (own).
//
// Only this package speaks to the engine, and it never asks for /containers or /images: behind
// a socket proxy those may be another node's.
package swarm

import (
	"context"
	"fmt"
	"net"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/client"
	"github.com/rs/zerolog"

	"github.com/fairlead-proxy/fairlead/discovery"
	"github.com/fairlead-proxy/fairlead/discovery/labels"
)

// Options of a Source. The zero value reads the local engine.
type Options struct {
	// Endpoint of a manager's engine: unix:///path, tcp://host:port. "": unix:///var/run/docker.sock.
	Endpoint string
	// Interval between the starts of two listings in quiet times; 0: 1 s. At most 1.5 s, because a
	// leaving task must be noticed before Swarm sends it its stop signal (3.2 s after its decision).
	Interval time.Duration
	// UpdateInterval is the same after an event and while a service is being updated; 0: 200 ms.
	UpdateInterval time.Duration
	// Labels says how labels are read. Its Shared is found out here, from the proxy's own task.
	Labels labels.Options
	// Self tells this process apart from other tasks; nil: FindSelf.
	Self func() Self
	Log  zerolog.Logger

	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

const (
	defaultEndpoint       = "unix:///var/run/docker.sock"
	defaultInterval       = time.Second
	defaultUpdateInterval = 200 * time.Millisecond
	longestInterval       = 1500 * time.Millisecond
)

// Source is the discovery.Source of a Swarm. Make it with New.
type Source struct {
	options Options

	// Of Run's goroutine alone.
	engine   *engine // nil: to be connected anew
	memory   *memory
	pace     pace
	outage   outage
	last     *discovery.Snapshot // as applied; nil: none yet
	marks    marks               // of the listing that was converted last
	problems []discovery.Problem // of the engine, likewise

	wake  chan struct{}
	stale atomic.Bool // the event stream ended: the engine may have been upgraded meanwhile
	deaf  atomic.Bool // the engine refuses to tell its events

	mu     sync.Mutex
	status discovery.Status
}

// New checks the options; it does not speak to the engine.
func New(o Options) (*Source, error) {
	if o.Endpoint == "" {
		o.Endpoint = defaultEndpoint
	}
	if _, err := client.ParseHostURL(o.Endpoint); err != nil {
		return nil, fmt.Errorf("swarm endpoint %q: %w; write unix:///var/run/docker.sock or tcp://host:port", o.Endpoint, err)
	}
	if o.Interval == 0 {
		o.Interval = defaultInterval
	}
	if o.UpdateInterval == 0 {
		o.UpdateInterval = min(defaultUpdateInterval, o.Interval)
	}
	for name, d := range map[string]time.Duration{"interval": o.Interval, "update interval": o.UpdateInterval} {
		if d < 0 || d > longestInterval {
			return nil, fmt.Errorf("swarm %s %s: must lie between 0 and %s, or tasks are stopped before they are seen to leave", name, d, longestInterval)
		}
	}
	if o.Self == nil {
		o.Self = FindSelf
	}
	return &Source{
		options: o,
		memory:  newMemory(),
		pace:    pace{interval: o.Interval, update: min(o.UpdateInterval, o.Interval)},
		outage:  outage{log: o.Log, endpoint: o.Endpoint},
		wake:    make(chan struct{}, 1),
	}, nil
}

// Status tells how fresh the snapshots are. It may be called at any time, from anywhere.
func (s *Source) Status() discovery.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// Run implements discovery.Source. An engine that is away, hangs or talks nonsense is waited for,
// for ever; Run never returns an error but for options that no engine could satisfy.
func (s *Source) Run(ctx context.Context, apply func(discovery.Snapshot)) error {
	ctx, cancel := context.WithCancel(ctx)
	var listener sync.WaitGroup
	listener.Go(func() { s.listen(ctx) })
	defer func() {
		cancel()
		listener.Wait()
		s.disconnect()
	}()
	for ctx.Err() == nil {
		started := time.Now()
		next, err := s.turn(ctx, apply)
		if err != nil {
			return err
		}
		s.sleep(ctx, started, next)
	}
	return nil
}

// turn lists once and applies what is new. It returns when the next listing is due.
func (s *Source) turn(ctx context.Context, apply func(discovery.Snapshot)) (time.Time, error) {
	started := time.Now()
	if s.stale.Swap(false) {
		s.disconnect()
	}
	if s.engine == nil {
		var err error
		if s.engine, err = connect(s.options); err != nil {
			return time.Time{}, err
		}
	}
	l, err := s.engine.list(ctx, s.memory)
	now := time.Now()
	switch {
	case ctx.Err() != nil:
		return now, nil
	case err != nil:
		s.disconnect()
		s.report(now, err)
		return now.Add(s.outage.failed(now, err)), nil
	}
	s.outage.ended(now)
	s.report(now, nil)
	tasks := s.memory.learn(l)
	marks := l.marks(tasks)
	s.pace.listed(started, now, marks.tasks != s.marks.tasks, l.updating())
	s.publish(l, tasks, marks, apply)
	return s.pace.due(started), nil
}

// publish converts what is new and applies it if it differs from what was applied last.
func (s *Source) publish(l listing, tasks []swarm.Task, marks marks, apply func(discovery.Snapshot)) {
	problems := s.pace.problems()
	if s.deaf.Load() {
		problems = append(problems, deafProblem)
	}
	if l.blind {
		problems = append(problems, blindProblem)
	}
	if s.last != nil && marks == s.marks && slices.Equal(problems, s.problems) {
		return
	}
	s.marks, s.problems = marks, problems
	s.memory.own.find(tasks, s.options.Self)
	if s.memory.own.id == "" {
		problems = append(slices.Clip(problems), outsideProblem)
	}
	o := s.options.Labels
	o.Shared = s.memory.own.networks
	cluster := s.memory.read(tasks, l.nodes)
	snapshot := labels.Convert(cluster, o)
	snapshot.Ended = cluster.Ended(s.last)
	snapshot.Problems = discovery.SortProblems(append(snapshot.Problems, problems...))
	if s.last == nil || !reflect.DeepEqual(*s.last, snapshot) {
		s.last = &snapshot
		apply(snapshot)
	}
}

// sleep waits until due, or until something wakes it; not sooner than an update interval after
// started, so that a storm of events is no storm of listings.
func (s *Source) sleep(ctx context.Context, started, due time.Time) {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-s.wake:
			s.pace.woken(time.Now())
			if sooner := s.pace.due(started); sooner.Before(due) {
				timer.Reset(time.Until(sooner))
			}
		}
	}
}

func (s *Source) disconnect() {
	if s.engine != nil {
		s.engine.close()
		s.engine = nil
	}
}

// report keeps the status; nil: the cluster has just answered.
func (s *Source) report(now time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		s.status = discovery.Status{Seen: now}
	case s.status.Err == nil:
		s.status.Err, s.status.Since = err, now
	default:
		s.status.Err = err
	}
}
